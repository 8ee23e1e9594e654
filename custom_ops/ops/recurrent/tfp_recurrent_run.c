/* The walk of a recurrent op through time. */
#include <string.h>

#include "tfp_recurrent.h"

/* One step, of which every thread does its part: reads the int8 copy of h in `q`, writes the next
 * states, and their copy to `q_next`. */
typedef struct step_job {
  const tfp_recurrent *op;
  size_t threads;
  int32_t *acc_x;
  const int8_t *inner;   /* what the last recurrent matrix multiplies */
  const int8_t *inner_x; /* what the last input matrix multiplies; NULL where acc_x is ready */
  ptrdiff_t stride;
  int8_t *q_next;
  bool upwards;
  const tfp_moments *moments; /* with layer_norm: of each gate of W x, then of U h */
} step_job;

/* Layer normalization needs all products of a gate at once. */
static void set_moments(const tfp_recurrent *op, const step_job *job, tfp_moments *moments) {
  const size_t gates = op->cell->gates;
  for (size_t i = 0; i < (op->cell->recurrent ? 2 : 1) * gates; ++i) {
    const size_t at = i % gates * TFP_ROW_BLOCK;
    const bool of_h = i >= gates;
    const tfp_gate_products of = {
        .acc = (of_h ? op->acc_h : job->acc_x) + at,
        .acc_step = gates * TFP_ROW_BLOCK,
        .multiplier = op->parameters + (of_h ? 2 * gates * TFP_ROW_BLOCK : 0) + at,
        .multiplier_step = op->parameter_step,
        .units = op->options.units};
    moments[i] = op->variant->moments(&of, op->options.epsilon);
  }
}

/* The parameters of `count` blocks with this step's normalization folded into them, so that gates
 * need not know of it. */
static const float *normalized(const step_job *job, size_t thread, size_t block, size_t count) {
  const tfp_recurrent *op = job->op;
  const size_t gates = op->cell->gates, group = gates * TFP_ROW_BLOCK;
  float *out = op->of_step + thread * op->at_once * op->parameter_step;
  for (size_t b = 0; b < count; ++b) {
    const float *from = op->parameters + (block + b) * op->parameter_step;
    const float *gains = op->gains + (block + b) * 2 * group;
    float *to = out + b * op->parameter_step;
    op->variant->normalize(job->moments, gains, gates, from, from + group, to, to + group);
    /* The only bias of some cells takes up both means. */
    const bool one = op->cell->bias_rows == 1;
    if (op->cell->recurrent) {
      op->variant->normalize(job->moments + gates, gains + group, gates, from + 2 * group,
                             one ? to + group : from + 3 * group, to + 2 * group,
                             one ? to + group : to + 3 * group);
    }
    const size_t products = (2 + op->cell->bias_rows) * group;
    memcpy(to + products, from + products, (op->parameter_step - products) * sizeof *to);
  }
  return out;
}

/* Adds the products of a plane in `count` blocks to their biases, which are `step` floats apart. */
static void add_plane(const int32_t *acc, const float *multiplier, size_t count, size_t group,
                      size_t step, float *bias) {
  for (size_t b = 0; b < count; ++b) {
    for (size_t i = 0; i < group; ++i) bias[i] += (float)acc[i] * multiplier[i];
    acc += group;
    multiplier += group;
    bias += step;
  }
}

/* The parameters of `count` blocks with the products of this step's planes behind the first ones in
 * the biases, so that gates need not know of them. `own_acc` has room for one plane of U h. */
static const float *with_planes(const step_job *job, size_t thread, size_t block, size_t count,
                                int32_t *own_acc) {
  const tfp_recurrent *op = job->op;
  const tfp_recurrent_options *options = &op->options;
  const size_t gates = op->cell->gates, group = gates * TFP_ROW_BLOCK, step = op->parameter_step;
  const size_t plane_floats = op->blocks * group, at = block * group;
  float *out = op->of_step + thread * op->at_once * step;
  memcpy(out, op->parameters + block * step, count * step * sizeof *out);
  for (size_t plane = 1; plane < options->planes_x; ++plane) {
    int32_t *acc = job->acc_x + plane * options->steps_at_once * plane_floats + at;
    if (job->inner_x != NULL) {
      tfp_packed_multiply(tfp_product_plane(&op->input, plane), block * gates, count * gates, 1,
                          job->inner_x, 0, acc, 0);
    }
    add_plane(acc, op->plane_multipliers[0] + (plane - 1) * plane_floats + at, count, group, step,
              out + group);
  }
  /* The only bias of some cells takes up the planes of both. */
  const size_t of_h = op->cell->bias_rows == 1 ? group : 3 * group;
  for (size_t plane = 1; plane < options->planes_h; ++plane) {
    tfp_packed_multiply(tfp_product_plane(&op->recurrent, plane), block * gates, count * gates, 1,
                        job->inner, job->stride, own_acc, 0);
    add_plane(own_acc, op->plane_multipliers[1] + (plane - 1) * plane_floats + at, count, group,
              step, out + of_h);
  }
  return out;
}

static void step_part(void *context, size_t thread) {
  const step_job *job = context;
  const tfp_recurrent *op = job->op;
  const size_t gates = op->cell->gates, acc_step = gates * TFP_ROW_BLOCK;
  const tfp_range range = tfp_split(op->blocks, op->together, thread, job->threads);
  const bool recurrent = op->cell->recurrent;
  int32_t *own_acc = recurrent ? op->acc_h + thread * op->at_once * acc_step : NULL;
  tfp_gate_args args = {.acc_h = own_acc, .settings = &op->settings};
  /* Every second step goes through the weights backwards: those used last are still in the
   * first-level cache, which rarely holds the whole matrix. */
  const size_t calls = tfp_split_parts(range.end - range.begin, op->at_once);
  for (size_t call = 0; call < calls; ++call) {
    const size_t block = range.begin + (job->upwards ? call : calls - 1 - call) * op->at_once;
    const size_t left = range.end - block, count = left < op->at_once ? left : op->at_once;
    args.acc_x = job->acc_x + block * acc_step;
    args.parameters = op->parameters + block * op->parameter_step;
    args.blocks = count;
    args.q = job->q_next + block * TFP_ROW_BLOCK;
    for (size_t i = 0; i < op->cell->states; ++i) {
      args.states[i] = op->states[i] + block * TFP_ROW_BLOCK;
    }
    if (op->options.layer_norm) {
      if (recurrent) args.acc_h = op->acc_h + block * acc_step;
      args.parameters = normalized(job, thread, block, count);
    } else {
      if (tfp_recurrent_has_planes(op)) {
        args.parameters = with_planes(job, thread, block, count, own_acc);
      }
      if (job->inner_x != NULL) {
        tfp_packed_multiply(&op->input.last, block * gates, count * gates, 1, job->inner_x, 0,
                            job->acc_x + block * acc_step, 0);
      }
      if (recurrent) {
        tfp_packed_multiply(&op->recurrent.last, block * gates, count * gates, 1, job->inner,
                            job->stride, own_acc, 0);
      }
    }
    op->gates(&args);
  }
}

static void step(const tfp_recurrent *op, int32_t *acc_x, const int8_t *inner_x, const int8_t *q,
                 int8_t *q_next, bool upwards, const tfp_parallel *parallel) {
  tfp_moments moments[2 * TFP_MAX_GATES];
  step_job job = {.op = op,
                  .acc_x = acc_x,
                  .inner_x = inner_x,
                  .q_next = q_next,
                  .upwards = upwards,
                  .moments = moments};
  const bool recurrent = op->cell->recurrent;
  if (recurrent) {
    job.inner = tfp_product_inner(&op->recurrent, op->variant, 1, q, 0, &job.stride, parallel);
  }
  job.threads = tfp_recurrent_threads(op, parallel->threads);
  const size_t parts = tfp_split_parts(op->blocks, op->together);
  if (job.threads > parts) job.threads = parts;
  if (op->options.layer_norm) {
    if (recurrent) {
      tfp_product_last(&op->recurrent, 0, 1, job.inner, job.stride, op->acc_h, parallel);
    }
    set_moments(op, &job, moments);
  }
  tfp_share(parallel, job.threads, step_part, &job);
}

/* `steps` vectors as gemm wants them: where the depth is not a multiple of the kernel's block,
 * a padded copy, because the last reads would pass the end of the tensor. */
static const int8_t *readable(const tfp_recurrent *op, size_t steps, const int8_t *x,
                              ptrdiff_t *stride) {
  const size_t depth = tfp_recurrent_depth(&op->options);
  const size_t padded = tfp_product_padded_depth(&op->input);
  if (padded == depth) return x;
  for (size_t s = 0; s < steps; ++s) {
    memcpy(op->padded_x + s * padded, x + (ptrdiff_t)s * *stride, depth);
  }
  *stride = (ptrdiff_t)padded;
  return op->padded_x;
}

/* Where the steps of one sequence go in y. */
typedef struct outputs {
  int8_t *next; /* NULL where nobody reads them */
  size_t units;
} outputs;

static void write_steps(outputs *y, size_t count, const int8_t *q) {
  if (y->next == NULL) return;
  for (size_t i = 0; i < count; ++i, y->next += y->units) memcpy(y->next, q, y->units);
}

/* Runs the steps of one sequence; returns the int8 copy of its last state. Steps past the end of
 * the sequence are no steps: they repeat the output before them. */
static const int8_t *run_steps(const tfp_recurrent *op, size_t time, size_t length, const int8_t *x,
                               outputs *y, const tfp_parallel *parallel) {
  const size_t depth = op->options.input_dim, width = op->blocks * TFP_ROW_BLOCK * op->cell->gates;
  const bool backwards = op->options.go_backwards;
  int8_t *q = op->q[0], *q_next = op->q[1];
  if (backwards) write_steps(y, time - length, q);
  for (size_t t = 0; t < length;) {
    const size_t left = length - t, most = op->options.steps_at_once;
    const size_t steps = left < most ? left : most;
    ptrdiff_t stride = backwards ? -(ptrdiff_t)depth : (ptrdiff_t)depth;
    const int8_t *chunk =
        readable(op, steps, x + (backwards ? length - 1 - t : t) * depth, &stride);
    const int8_t *inner =
        tfp_product_inner(&op->input, op->variant, steps, chunk, stride, &stride, parallel);
    /* A step that is alone multiplies what 16 units need, by x and then by h, before their gates:
     * nothing of it leaves the first-level cache. */
    const bool alone = steps == 1 && !op->options.layer_norm;
    for (size_t plane = 0; !alone && plane < op->options.planes_x; ++plane) {
      int32_t *acc = op->acc_x + plane * op->options.steps_at_once * width;
      tfp_product_last(&op->input, plane, steps, inner, stride, acc, parallel);
    }
    for (size_t s = 0; s < steps; ++s, ++t) {
      step(op, op->acc_x + s * width, alone ? inner : NULL, q, q_next, t % 2 == 0, parallel);
      int8_t *swapped = q;
      q = q_next;
      q_next = swapped;
      write_steps(y, 1, q);
    }
  }
  if (!backwards) write_steps(y, time - length, q);
  return q;
}

static void run_sequence(const tfp_recurrent *op, size_t b, const tfp_recurrent_io *io,
                         const tfp_parallel *parallel) {
  const size_t units = op->options.units;
  const bool sequences = op->options.return_sequences;
  size_t length = io->time;
  if (io->lengths != NULL) {
    const int32_t given = io->lengths[b];
    length = given <= 0 ? 0 : (size_t)given < io->time ? (size_t)given : io->time;
  }
  /* The first state comes last, because only its int8 copy is wanted. */
  for (size_t i = op->cell->states; i-- > 0;) {
    op->variant->load_state(io->first[i] + b * units, units, op->settings.inverse_scale,
                            op->states[i], op->q[0]);
  }
  int8_t *y = io->y == NULL ? NULL : io->y + b * units * (sequences ? io->time : 1);
  outputs steps = {sequences ? y : NULL, units};
  const size_t frames = io->time + op->options.window - 1;
  const int8_t *x = io->x + b * frames * op->options.input_dim;
  const int8_t *q = run_steps(op, io->time, length, x, &steps, parallel);
  if (y != NULL && !sequences) memcpy(y, q, units);
  for (size_t i = 0; i < op->cell->states; ++i) {
    if (io->last[i] != NULL) memcpy(io->last[i] + b * units, op->states[i], units * sizeof(float));
  }
}

void tfp_recurrent_run(const tfp_recurrent *op, const tfp_recurrent_io *io,
                       const tfp_parallel *parallel) {
  TFP_ASSERT(io->batch > 0 && io->time > 0 && io->x != NULL && parallel->threads > 0);
  for (size_t i = 0; i < op->cell->states; ++i) TFP_ASSERT(io->first[i] != NULL);
  for (size_t b = 0; b < io->batch; ++b) run_sequence(op, b, io, parallel);
}
