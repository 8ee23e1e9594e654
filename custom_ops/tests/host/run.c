#define _DEFAULT_SOURCE
#include "run.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../plugin/tfpipeline_ops.h"
#include "../driver.h"

static char creation_error[512];

static void keep_error(const char *message) {
  snprintf(creation_error, sizeof creation_error, "%s", message);
}

TfLiteDelegate *run_new_delegate(run_way way) {
  char *keys[] = {"isa", "num_threads", "accelerate_builtin"};
  char *values[] = {(char *)way.isa, (char *)way.threads, "all"};
  TfLiteDelegate *delegate = tflite_plugin_create_delegate(keys, values, 3, keep_error);
  if (delegate == NULL) {
    printf("no delegate: %s\n", creation_error);
    exit(4);
  }
  return delegate;
}

static run_result wrong(const host *h, const char *what) {
  printf("%s; reported: '%s'\n", what, host_errors(h));
  return kWrong;
}

/* A refusal says who refuses. */
static run_result refused(const host *h) {
  const char *text = host_errors(h);
  const bool named = strstr(text, "tfpipeline") != NULL || strstr(text, "host:") != NULL ||
                     strstr(text, "FULLY_CONNECTED") != NULL || strstr(text, "QUANTIZE") != NULL ||
                     strstr(text, "SEQUENCE_LSTM") != NULL;
  return named ? kRefused : wrong(h, "refused without a name");
}

static run_result invoke(host *h) {
  const unsigned long before = allocations;
  const TfLiteStatus status = host_invoke(h);
  if (allocations != before) return wrong(h, "invoke allocated");
  return status == kTfLiteOk ? kRan : refused(h);
}

static bool as_expected(host *h) {
  for (int32_t i = 0; i < h->m->tensor_count; ++i) {
    const model_tensor *from = &h->m->tensors[i];
    const TfLiteTensor *t = host_tensor(h, i);
    if (from->role != kExpected) continue;
    if (t->bytes != from->data.size || memcmp(t->data, from->data.data, t->bytes) != 0) {
      return false;
    }
  }
  return true;
}

static bool constants_are_kept(host *h) {
  for (int32_t i = 0; i < h->m->tensor_count; ++i) {
    const model_tensor *from = &h->m->tensors[i];
    if (from->role != kConstant || from->data.size == 0) continue;
    if (memcmp(host_tensor(h, i)->data, from->data.data, from->data.size) != 0) return false;
  }
  return true;
}

/* FNV-1a over everything that is not a constant: outputs, and inputs, which must stay as they are.
 */
static void add_up(host *h, uint64_t *digest) {
  for (int32_t i = 0; i < h->m->tensor_count; ++i) {
    const TfLiteTensor *t = host_tensor(h, i);
    const unsigned char *bytes = t->data;
    if (t->allocation_type == kTfLiteMmapRo || bytes == NULL) continue;
    for (size_t k = 0; k < t->bytes; ++k) *digest = (*digest ^ bytes[k]) * 0x100000001b3u;
  }
}

/* Twice: prepare may come again after every resize, and ops keep no state between two calls but in
 * variables, which begin anew. */
static run_result run(host *h, bool expected, uint64_t *digest) {
  for (int turn = 0; turn < 2; ++turn) {
    const TfLiteStatus status = host_prepare(h);
    if (status == kTfLiteDelegateError) return kTooLarge;
    if (status != kTfLiteOk) return refused(h);
    for (int i = 0; i < 2; ++i) {
      const run_result result = invoke(h);
      if (result != kRan) return result;
    }
    if (!constants_are_kept(h)) return wrong(h, "a constant was written to");
    if (expected && !as_expected(h)) return wrong(h, "other bits than expected");
  }
  if (digest != NULL) add_up(h, digest);
  return kRan;
}

run_result run_with(const model *m, TfLiteDelegate *delegate, bool expected, uint64_t *digest) {
  host *h = host_new(m);
  const run_result result =
      host_apply(h, delegate) == kTfLiteOk ? run(h, expected, digest) : refused(h);
  host_free(h);
  return result;
}

static run_result run_registered(const model *m, bool expected, uint64_t *digest) {
  for (int32_t i = 0; i < m->node_count; ++i) {
    if (m->nodes[i].builtin_code != kTfLiteBuiltinCustom) return kNotFor;
  }
  host *h = host_new(m);
  for (size_t i = 0; i < tfpipeline_op_count(); ++i) {
    host_register(h, tfpipeline_register(tfpipeline_op_name(i)));
  }
  const run_result result = run(h, expected, digest);
  host_free(h);
  return result;
}

run_result run_model(const model *m, run_way way, bool expected, uint64_t *digest) {
  if (way.registered) return run_registered(m, expected, digest);
  TfLiteDelegate *delegate = run_new_delegate(way);
  const run_result result = run_with(m, delegate, expected, digest);
  tflite_plugin_destroy_delegate(delegate);
  return result;
}

/* Far more than the calls take, and an end for a child that waits for threads that it lacks. */
enum { kChildSeconds = 60 };

static int child(host *h, const model *m, TfLiteDelegate *delegate) {
  alarm(kChildSeconds);
  if (invoke(h) != kRan || !as_expected(h)) return 1;
  if (run_with(m, delegate, true, NULL) != kRan) return 2;
  host_free(h);
  tflite_plugin_destroy_delegate(delegate);
  return run_model(m, (run_way){"auto", "3", false}, true, NULL) == kRan ? 0 : 3;
}

static run_result ended(const host *h, pid_t pid) {
  int status = 0;
  if (pid < 0 || waitpid(pid, &status, 0) != pid) return wrong(h, "no child");
  if (WIFSIGNALED(status)) {
    return wrong(h, WTERMSIG(status) == SIGALRM ? "the child hangs" : "the child crashed");
  }
  return WEXITSTATUS(status) == 0 ? kRan : wrong(h, "the child answers otherwise");
}

run_result run_forked(const model *m) {
  TfLiteDelegate *delegate = run_new_delegate((run_way){"auto", "3", false});
  host *h = host_new(m);
  run_result result = kWrong;
  if (host_apply(h, delegate) == kTfLiteOk && host_prepare(h) == kTfLiteOk) {
    result = invoke(h);
    /* Once while the threads still look for work, once when they sleep. */
    for (int turn = 0; turn < 2 && result == kRan; ++turn) {
      fflush(stdout);
      const pid_t pid = fork();
      if (pid == 0) _exit(child(h, m, delegate));
      result = ended(h, pid);
      usleep(20000);
    }
    /* What children do is nothing to the parent. */
    if (result == kRan) result = invoke(h);
    if (result == kRan && !as_expected(h)) result = wrong(h, "other bits than before the fork");
  }
  host_free(h);
  tflite_plugin_destroy_delegate(delegate);
  return result;
}
