/* A model from the first call to the last, in one of the ways that a runtime may take. */
#ifndef TFP_TESTS_RUN_H_
#define TFP_TESTS_RUN_H_

#include "host.h"

typedef struct run_way {
  const char *isa;
  const char *threads;
  bool registered; /* by an op resolver, else through a delegate */
} run_way;

typedef enum run_result {
  kRefused,  /* with a message that names the op */
  kTooLarge, /* accepted, but not for a test */
  kNotFor,   /* the way does not exist for this model */
  kRan,
  kWrong /* what no model may cause; a line on standard output says what */
} run_result;

/* The outputs' bytes, one tensor after the other, are added up in `*digest`. With `expected`, they
 * must be those of the model. */
run_result run_model(const model *m, run_way way, bool expected, uint64_t *digest);

/* The delegate that `way` asks for, and running with one that exists. */
TfLiteDelegate *run_new_delegate(run_way way);
run_result run_with(const model *m, TfLiteDelegate *delegate, bool expected, uint64_t *digest);

/* Prepares and invokes with three threads, and does in a forked child what a program may do there:
 * invoke again, set up a new host with the same delegate and with one of its own, and destroy all
 * of it. kWrong where the child answers otherwise, dies or does not end. */
run_result run_forked(const model *m);

#endif
