/* A bare Cortex-M: vectors, memory before `main`, and Arm's semihosting to speak through. */
#include "board.h"

#include <stdint.h>

extern uint32_t data_image[], data_start[], data_end[], bss_end[], stack_top[];
int main(void);
void reset(void);
void fault(void);

enum { kWrite0 = 0x04, kExit = 0x18, kStopped = 0x20026 };
static const uint32_t kPaint = 0xa5c3e10fu;

static void call_host(uint32_t operation, uint32_t argument) {
  register uint32_t r0 __asm__("r0") = operation;
  register uint32_t r1 __asm__("r1") = argument;
  __asm__ volatile("bkpt 0xab" : "+r"(r0) : "r"(r1) : "memory");
}

void board_say(const char *text) {
  call_host(kWrite0, (uint32_t)(uintptr_t)text);
}

/* A number in hexadecimal behind a letter. */
static void say_bytes(uint32_t value) {
  char text[11];
  unsigned i;
  text[0] = 's';
  for (i = 0; i < 8; ++i) text[i + 1] = "0123456789abcdef"[(value >> (28 - 4 * i)) & 15u];
  text[9] = '\n';
  text[10] = 0;
  board_say(text);
}

void board_exit(void) {
  const volatile uint32_t *word = bss_end;
  while (word < stack_top && *word == kPaint) ++word;
  say_bytes((uint32_t)(uintptr_t)stack_top - (uint32_t)(uintptr_t)word);
  call_host(kExit, kStopped);
  for (;;) {
  }
}

__attribute__((noinline)) void board_begin_step(void) {
  __asm__ volatile("");
}

__attribute__((noinline)) void board_begin_scores(void) {
  __asm__ volatile("nop");
}

__attribute__((noinline)) void board_begin_detector(void) {
  __asm__ volatile("nop\n nop\n nop");
}

__attribute__((noinline)) void board_end(void) {
  __asm__ volatile("nop\n nop");
}

void reset(void) {
  volatile uint32_t *to = data_start;
  const volatile uint32_t *from = data_image;
  uint32_t here;
  while (to < data_end) *to++ = *from++;
  while (to < bss_end) *to++ = 0;
  /* The rest up to this frame is painted, to see later what was used. */
  while (to < (volatile uint32_t *)(uintptr_t)((uintptr_t)&here - 64)) *to++ = kPaint;
  (void)main();
  board_exit();
}

void fault(void) {
  board_say("fault\n");
  call_host(kExit, kStopped);
  for (;;) {
  }
}

__attribute__((used, section(".vectors.stack"))) static uint32_t *const first_stack = stack_top;
__attribute__((used, section(".vectors.table"))) static void (*const vectors[15])(void) = {
    reset, fault, fault, fault, fault,
};
