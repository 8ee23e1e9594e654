/* The plug-in in a runtime of our own (custom_ops/tests/host), for checks that need the whole
 * process: sanitizers, races and heap allocations. Compiled by tests/native/test_host.py.
 *
 *   host_driver check FILE...              each model, every kernel, one thread and three, by the
 *                                          delegate and registered: the bytes it expects
 *   host_driver threads FILE...            two hosts at once with one delegate of three threads
 *   host_driver fork FILE...               calls in a forked child, which has no threads of ours
 *   host_driver fuzz SEED COUNT FILE...    damaged models: an answer, and the same for all kernels
 *
 * Prints a summary, and "ok" at its end when all holds. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../kernels/tfp_kernels.h"
#include "../plugin/tfpipeline_ops.h"
#include "host/mutate.h"
#include "host/run.h"

enum { kMostModels = 256, kTurns = 20 };

static model *models[kMostModels];
static int model_count;

static void read_models(char **paths, int count) {
  for (int i = 0; i < count && i < kMostModels; ++i) {
    FILE *file = fopen(paths[i], "rb");
    if (file == NULL) exit(5);
    static unsigned char data[1 << 22];
    const size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    models[model_count] = model_read(data, size);
    if (models[model_count++] == NULL) {
      printf("%s is not a model\n", paths[i]);
      exit(5);
    }
  }
}

static int check(char **paths) {
  int failures = 0, runs = 0;
  for (int i = 0; i < model_count; ++i) {
    for (size_t v = 0; v < tfp_variant_count(); ++v) {
      const tfp_variant *variant = tfp_get_variant(v);
      if (!variant->supported()) continue;
      for (int threads = 1; threads <= 3; threads += 2) {
        const run_way way = {variant->name, threads == 1 ? "1" : "3", false};
        const bool good = run_model(models[i], way, true, NULL) == kRan;
        if (!good) printf("%s fails with %s, %s thread(s)\n", paths[i], way.isa, way.threads);
        failures += good ? 0 : 1;
        runs += 1;
      }
    }
    const run_result result = run_model(models[i], (run_way){.registered = true}, true, NULL);
    if (result != kRan && result != kNotFor) {
      printf("%s fails when registered\n", paths[i]);
      failures += 1;
    }
    runs += result == kRan;
  }
  printf("%d models, %d runs\n", model_count, runs);
  return failures;
}

static void *work(void *delegate) {
  size_t failures = 0;
  for (int turn = 0; turn < kTurns; ++turn) {
    for (int i = 0; i < model_count; ++i) {
      failures += run_with(models[i], delegate, true, NULL) != kRan;
    }
  }
  return (void *)failures;
}

static int check_threads(void) {
  TfLiteDelegate *delegate = run_new_delegate((run_way){"auto", "3", false});
  pthread_t other;
  void *theirs;
  if (pthread_create(&other, NULL, work, delegate) != 0) exit(6);
  const size_t mine = (size_t)work(delegate);
  pthread_join(other, &theirs);
  tflite_plugin_destroy_delegate(delegate);
  printf("%d models, %d turns\n", model_count, kTurns);
  return mine + (size_t)theirs == 0 ? 0 : 1;
}

static int check_forks(char **paths) {
  int failures = 0;
  for (int i = 0; i < model_count; ++i) {
    if (run_forked(models[i]) == kRan) continue;
    printf("%s fails in a forked child\n", paths[i]);
    failures += 1;
  }
  printf("%d models\n", model_count);
  return failures;
}

/* Numbers that are not finite give results that no spec fixes. */
static bool has_fixed_results(const model *m) {
  for (int32_t i = 0; i < m->tensor_count; ++i) {
    const model_tensor *t = &m->tensors[i];
    if (t->type != kTfLiteFloat32 || t->role == kConstant) continue;
    for (size_t k = 0; k + 4 <= t->data.size; k += 4) {
      uint32_t bits;
      memcpy(&bits, t->data.data + k, sizeof bits);
      if ((bits & 0x7f800000u) >= 0x7e000000u) return false;
    }
  }
  return true;
}

static int fuzz_one(const model *m, int counts[]) {
  uint64_t portable = 0, best = 0;
  const run_result first = run_model(m, (run_way){"c", "1", false}, false, &portable);
  const run_result second = run_model(m, (run_way){"auto", "3", false}, false, &best);
  const run_result third = run_model(m, (run_way){.registered = true}, false, NULL);
  counts[first] += 1;
  if (first == kWrong || second == kWrong || third == kWrong) return 1;
  if (first != second || (has_fixed_results(m) && portable != best)) {
    puts("the kernels do not agree");
    return 1;
  }
  return 0;
}

static int fuzz(uint32_t seed, int count) {
  int counts[kWrong + 1] = {0}, failures = 0;
  for (int i = 0; i < count && failures < 5; ++i) {
    mutate_seed(seed + (uint32_t)i);
    model *damaged = model_copy(models[mutate_random((uint32_t)model_count)]);
    for (uint32_t changes = 1 + mutate_random(3); changes > 0; --changes) mutate(damaged);
    const int failed = fuzz_one(damaged, counts);
    if (failed > 0) printf("seed %u fails\n", seed + (uint32_t)i);
    failures += failed;
    model_free(damaged);
  }
  printf("%d refused, %d too large, %d ran\n", counts[kRefused], counts[kTooLarge], counts[kRan]);
  return failures;
}

int main(int argc, char **argv) {
  int failures = 1;
  if (argc > 2 && strcmp(argv[1], "check") == 0) {
    read_models(argv + 2, argc - 2);
    failures = check(argv + 2);
  } else if (argc > 2 && strcmp(argv[1], "threads") == 0) {
    read_models(argv + 2, argc - 2);
    failures = check_threads();
  } else if (argc > 2 && strcmp(argv[1], "fork") == 0) {
    read_models(argv + 2, argc - 2);
    failures = check_forks(argv + 2);
  } else if (argc > 4 && strcmp(argv[1], "fuzz") == 0) {
    read_models(argv + 4, argc - 4);
    failures = fuzz((uint32_t)strtoul(argv[2], NULL, 10), atoi(argv[3]));
  } else {
    puts("host_driver check|threads|fork FILE..., or host_driver fuzz SEED COUNT FILE...");
  }
  for (int i = 0; i < model_count; ++i) model_free(models[i]);
  if (failures == 0) puts("ok");
  return failures == 0 ? 0 : 1;
}
