/* Numbers of a file, which lie at any place, byte by byte. */
#ifndef TFP_LITTLE_ENDIAN_H_
#define TFP_LITTLE_ENDIAN_H_

#include <stdint.h>

static inline uint16_t tfp_u16(const unsigned char *at) {
  return (uint16_t)(at[0] | at[1] << 8);
}

static inline uint32_t tfp_u32(const unsigned char *at) {
  return tfp_u16(at) | (uint32_t)tfp_u16(at + 2) << 16;
}

static inline uint64_t tfp_u64(const unsigned char *at) {
  return tfp_u32(at) | (uint64_t)tfp_u32(at + 4) << 32;
}

#endif
