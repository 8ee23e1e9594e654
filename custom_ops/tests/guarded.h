/* Memory between two pages that must not be touched: a byte too far ends the process. */
#ifndef TFP_GUARDED_H_
#define TFP_GUARDED_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

typedef struct guarded {
  void *data;
  char *map;
  size_t map_bytes;
} guarded;

/* `bytes` that end where the second guard page begins, or begin where the first one ends. */
static guarded guarded_new(size_t bytes, bool at_end) {
  const size_t page = (size_t)sysconf(_SC_PAGESIZE);
  const size_t inside = (bytes + page - 1) / page * page;
  guarded memory = {.map_bytes = inside + 2 * page};
  memory.map =
      mmap(NULL, memory.map_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory.map == MAP_FAILED || mprotect(memory.map, page, PROT_NONE) != 0 ||
      mprotect(memory.map + page + inside, page, PROT_NONE) != 0) {
    perror("guarded memory");
    exit(2);
  }
  memory.data = memory.map + page + (at_end ? inside - bytes : 0);
  return memory;
}

static void guarded_free(guarded memory) {
  munmap(memory.map, memory.map_bytes);
}

#endif
