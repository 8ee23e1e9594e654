/* Constants of the gate functions; tfpipeline/numerics/activations.py holds the same values. */
#ifndef TFP_GATE_CONSTANTS_H_
#define TFP_GATE_CONSTANTS_H_

/* 1.5 * 2^23: adding it rounds to the nearest integer, ties to even, left in the low bits. */
#define TFP_ROUNDING_MAGIC 12582912.0f
/* -log2(e) and -2 log2(e) */
#define TFP_SIGMOID_FACTOR (-0x1.715476p+0f)
#define TFP_TANH_FACTOR (-0x1.715476p+1f)
/* Exponents are clamped to this, which keeps every result out of the subnormal range. */
#define TFP_EXPONENT_LIMIT 43.0f
/* 2^f = 1 + f c1 + ... + f^5 c5, relative minimax over [-0.5, 0.5] */
#define TFP_EXP2_C1 0x1.62e42ap-1f
#define TFP_EXP2_C2 0x1.ebf9c2p-3f
#define TFP_EXP2_C3 0x1.c6b6d8p-5f
#define TFP_EXP2_C4 0x1.3ce8b0p-7f
#define TFP_EXP2_C5 0x1.5bda7ap-10f
/* 1 / 6: the slope of the hard sigmoid */
#define TFP_HARD_SIGMOID_SLOPE 0x1.555556p-3f
/* States below the floor become zero; states that come in are clamped to the limit. */
#define TFP_STATE_FLOOR 0x1p-60f
#define TFP_STATE_LIMIT 32768.0f

#endif
