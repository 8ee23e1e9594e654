/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * A plug-in for qemu-aarch64 7.2 to 8.2 that sees what a guest program executes between `hint #100`
 * and `hint #101`. This file alone is under the GPL, version 2 or later, because it is loaded into
 * qemu, which is; the rest of the project is not, and nothing of this file is part of any library
 * or package that the project builds.
 *
 * Arguments: out=PREFIX, l2=BYTES. At `hint #101` it writes
 *   PREFIX.trace   uint32 each: the numbers of the blocks executed, in order
 *   PREFIX.blocks  `ADDRESS INSTRUCTIONS` in hexadecimal and decimal, block 0 first
 *   PREFIX.memory  `NAME COUNT`: accesses, and 64-byte lines between the caches and DRAM
 *
 * The caches: 32 KiB in 4 ways, then `l2` bytes in 16 ways, both LRU, write-back and allocating on
 * writes, cold when the region begins. Prefetches and the stores of whole lines that a processor
 * might merge without reading are not modelled. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What this file uses of the plug-in interface, version 1. */
#define EXPORT __attribute__((visibility("default")))
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef void translated_fn(uint64_t id, struct qemu_plugin_tb *tb);
typedef void executed_fn(unsigned cpu, void *data);
typedef void accessed_fn(unsigned cpu, uint32_t info, uint64_t address, void *data);
enum { kNoRegisters = 0, kLoadsAndStores = 3 };
void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, translated_fn *call);
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb, executed_fn *call, int flags,
                                          void *data);
void qemu_plugin_register_vcpu_insn_exec_cb(struct qemu_plugin_insn *insn, executed_fn *call,
                                            int flags, void *data);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *insn, accessed_fn *call, int flags,
                                      int which, void *data);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
bool qemu_plugin_mem_is_store(uint32_t info);
unsigned qemu_plugin_mem_size_shift(uint32_t info);
EXPORT extern int qemu_plugin_version;
EXPORT int qemu_plugin_install(uint64_t id, const void *info, int count, char **arguments);

int qemu_plugin_version = 1;

static void stop(const char *why) {
  fprintf(stderr, "count: %s\n", why);
  exit(70);
}

static void *checked(void *memory) {
  if (memory == NULL) stop("out of memory");
  return memory;
}

/* Blocks: straight runs of instructions, told apart by where they begin and how long they are. */
typedef struct block {
  uint64_t address;
  uint32_t instructions;
  uint32_t number;
  struct block *next; /* in the same chain of the table */
} block;

enum { kChains = 1 << 14 };
static block *chains[kChains], **blocks;
static uint32_t block_count, block_room;

static block *find_block(uint64_t address, uint32_t instructions) {
  block **chain = &chains[(address >> 2 ^ instructions) % kChains];
  for (block *b = *chain; b != NULL; b = b->next) {
    if (b->address == address && b->instructions == instructions) return b;
  }
  if (block_count == block_room) {
    block_room = block_room * 2 + 1024;
    blocks = checked(realloc(blocks, block_room * sizeof *blocks));
  }
  block *b = checked(malloc(sizeof *b));
  *b = (block){address, instructions, block_count, *chain};
  blocks[block_count++] = *chain = b;
  return b;
}

static bool inside, finished;
static uint32_t *trace;
static size_t trace_count, trace_room;

static void append(const block *b) {
  if (trace_count == trace_room) {
    trace_room = trace_room * 2 + (1 << 16);
    trace = checked(realloc(trace, trace_room * sizeof *trace));
  }
  trace[trace_count++] = b->number;
}

/* Caches. */
typedef struct line {
  uint64_t tag; /* number of the line, plus one: 0 is an empty place */
  uint64_t used;
  bool dirty;
} line;

typedef struct cache {
  line *lines;
  uint64_t sets, ways;
} cache;

enum { kLine = 64, kL1Bytes = 32 << 10, kL1Ways = 4, kL2Ways = 16 };
static cache l1, l2;
static uint64_t clock_, loads, stores, lines_loaded, lines_allocated, lines_written;

static cache new_cache(uint64_t bytes, uint64_t ways) {
  const uint64_t sets = bytes / kLine / ways;
  if (sets == 0) stop("l2: expected at least 1024 bytes");
  return (cache){checked(calloc(sets * ways, sizeof(line))), sets, ways};
}

/* Looks `number` up and puts it in. True where it was there; else *out is what made place for it.
 */
static bool look_up(const cache *c, uint64_t number, bool dirty, line *out) {
  line *set = c->lines + number % c->sets * c->ways, *oldest = set;
  for (uint64_t i = 0; i < c->ways; ++i) {
    if (set[i].tag == number + 1) {
      set[i].used = ++clock_;
      set[i].dirty |= dirty;
      return true;
    }
    if (set[i].used < oldest->used) oldest = &set[i];
  }
  *out = *oldest;
  *oldest = (line){number + 1, ++clock_, dirty};
  return false;
}

static void touch(uint64_t number, bool store) {
  line from_l1, from_l2 = {0, 0, false};
  if (look_up(&l1, number, store, &from_l1)) return;
  if (from_l1.dirty && !look_up(&l2, from_l1.tag - 1, true, &from_l2)) {
    lines_written += from_l2.dirty;
  }
  if (look_up(&l2, number, false, &from_l2)) return;
  lines_written += from_l2.dirty;
  *(store ? &lines_allocated : &lines_loaded) += 1;
}

static void accessed(unsigned cpu, uint32_t info, uint64_t address, void *data) {
  (void)cpu, (void)data;
  if (!inside) return;
  const bool store = qemu_plugin_mem_is_store(info);
  const uint64_t last = address + (UINT64_C(1) << qemu_plugin_mem_size_shift(info)) - 1;
  *(store ? &stores : &loads) += 1;
  for (uint64_t number = address / kLine; number <= last / kLine; ++number) touch(number, store);
}

/* The marks lie in the midst of blocks: of these only the part inside the region counts. */
static const char *prefix;

static FILE *create(const char *suffix) {
  char path[4096];
  if ((size_t)snprintf(path, sizeof path, "%s.%s", prefix, suffix) >= sizeof path) {
    stop("out: the path is too long");
  }
  FILE *file = fopen(path, "wb");
  if (file == NULL) stop("out: a file cannot be created");
  return file;
}

static void finish(FILE *file) {
  if (ferror(file) || fclose(file) != 0) stop("out: a file cannot be written");
}

static void begin(unsigned cpu, void *rest) {
  (void)cpu;
  if (inside || finished) return;
  inside = true;
  if (rest != NULL) append(rest);
}

static void end(unsigned cpu, void *mark) {
  (void)cpu;
  if (!inside) return;
  inside = false;
  finished = true;
  if (trace_count > 0) {
    const block *last = blocks[trace[--trace_count]];
    const uint64_t before = ((uint64_t)(uintptr_t)mark - last->address) / 4;
    if (before > 0) append(find_block(last->address, (uint32_t)before));
  }
  FILE *file = create("trace");
  fwrite(trace, sizeof *trace, trace_count, file);
  finish(file);
  file = create("blocks");
  for (uint32_t i = 0; i < block_count; ++i) {
    fprintf(file, "%llx %u\n", (unsigned long long)blocks[i]->address, blocks[i]->instructions);
  }
  finish(file);
  file = create("memory");
  fprintf(file, "loads %llu\nstores %llu\nlines_loaded %llu\n", (unsigned long long)loads,
          (unsigned long long)stores, (unsigned long long)lines_loaded);
  fprintf(file, "lines_allocated %llu\nlines_written %llu\n", (unsigned long long)lines_allocated,
          (unsigned long long)lines_written);
  finish(file);
}

static void executed(unsigned cpu, void *data) {
  (void)cpu;
  if (inside) append(data);
}

static void translated(uint64_t id, struct qemu_plugin_tb *tb) {
  (void)id;
  const uint32_t count = (uint32_t)qemu_plugin_tb_n_insns(tb);
  const uint64_t address = qemu_plugin_tb_vaddr(tb);
  qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, kNoRegisters, find_block(address, count));
  for (uint32_t i = 0; i < count; ++i) {
    struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
    const uint32_t hint = 0xd503201fu;
    const uint64_t here = address + 4 * (uint64_t)i;
    uint32_t code;
    memcpy(&code, qemu_plugin_insn_data(insn), sizeof code);
    if (code == (hint | 100u << 5)) {
      block *rest = i + 1 < count ? find_block(here + 4, count - i - 1) : NULL;
      qemu_plugin_register_vcpu_insn_exec_cb(insn, begin, kNoRegisters, rest);
    } else if (code == (hint | 101u << 5)) {
      qemu_plugin_register_vcpu_insn_exec_cb(insn, end, kNoRegisters, (void *)(uintptr_t)here);
    } else {
      qemu_plugin_register_vcpu_mem_cb(insn, accessed, kNoRegisters, kLoadsAndStores, NULL);
    }
  }
}

int qemu_plugin_install(uint64_t id, const void *info, int count, char **arguments) {
  (void)info;
  uint64_t l2_bytes = 512 << 10;
  for (int i = 0; i < count; ++i) {
    if (strncmp(arguments[i], "out=", 4) == 0) {
      prefix = checked(strdup(arguments[i] + 4));
    } else if (strncmp(arguments[i], "l2=", 3) == 0) {
      l2_bytes = strtoull(arguments[i] + 3, NULL, 10);
    } else {
      stop("unknown argument; expected out=PREFIX and l2=BYTES");
    }
  }
  if (prefix == NULL) stop("out=PREFIX is missing");
  l1 = new_cache(kL1Bytes, kL1Ways);
  l2 = new_cache(l2_bytes, kL2Ways);
  qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
  return 0;
}
