/* Takes a stream through a generated header of the prefix `m`, and says a checksum after each step:
 * of the state, then of the scores. A header with a scaling has its raw inputs scaled first. The
 * compiler is told to include the header, and that of the inputs, in front of this file. */
#include "board.h"

static uint32_t mixed(uint32_t sum, uint32_t value) {
  return (sum ^ value) * 16777619u;
}

static void say_number(uint32_t value) {
  char text[10];
  unsigned i;
  for (i = 0; i < 8; ++i) text[i] = "0123456789abcdef"[(value >> (28 - 4 * i)) & 15u];
  text[8] = '\n';
  text[9] = 0;
  board_say(text);
}

/* Apart, so that its instructions and its stack are its own. */
__attribute__((noinline)) static void one_step(m_state *state, const int16_t *input) {
#ifdef M_RAW_BITS
  int16_t x[M_FEATURES];
  m_scale(input, x);
  m_step(state, x);
#else
  m_step(state, input);
#endif
}

#ifdef M_CLASSES
__attribute__((noinline)) static unsigned decide(const m_state *state, int32_t *scores) {
  m_scores(state, scores);
  return m_best(scores);
}
#endif

#ifdef M_WORDS
__attribute__((noinline)) static int find(m_detector *detector, const int32_t *scores) {
  return m_detect(detector, scores);
}
#endif

int main(void) {
  static m_state state;
  uint32_t sum = 2166136261u;
  unsigned t, j;
#ifdef M_WORDS
  static m_detector detector;
  m_detector_reset(&detector);
#endif
  m_reset(&state);
  for (t = 0; t < STEPS; ++t) {
#ifdef M_CLASSES
    int32_t scores[M_CLASSES];
#endif
    if (t + 1 == STEPS) board_begin_step();
    one_step(&state, inputs[t]);
    if (t + 1 == STEPS) board_end();
    for (j = 0; j < M_UNITS; ++j) sum = mixed(sum, (uint32_t)(int32_t)state.h[j]);
#ifdef M_CLASSES
    if (t + 1 == STEPS) board_begin_scores();
    j = decide(&state, scores);
    if (t + 1 == STEPS) board_end();
    sum = mixed(sum, j);
    for (j = 0; j < M_CLASSES; ++j) sum = mixed(sum, (uint32_t)scores[j]);
#endif
#ifdef M_WORDS
    if (t + 1 == STEPS) board_begin_detector();
    j = (unsigned)find(&detector, scores);
    if (t + 1 == STEPS) board_end();
    sum = mixed(sum, j);
    for (j = 0; j < M_WORDS; ++j) sum = mixed(sum, detector.sums[j]);
#endif
    say_number(sum);
  }
  board_exit();
  return 0;
}
