/* What run_steps.c asks of the machine it runs on. */
#ifndef BOARD_H_
#define BOARD_H_

/* Says a text that ends with a 0. */
void board_say(const char *text);
/* Says how many bytes of the stack were ever used, and ends the program. */
void board_exit(void);
/* Marks in a trace of the program counter. */
void board_begin_step(void);
void board_begin_scores(void);
void board_begin_detector(void);
void board_end(void);

#endif
