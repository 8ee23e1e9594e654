/* Finds a metadata entry of a .tflite file in memory. */
#ifndef TFP_METADATA_H_
#define TFP_METADATA_H_

#include <stddef.h>

/* The bytes of the first metadata entry called `name`, within `model`, and how many there are; NULL
 * where the model has none or is damaged. Every offset is checked before it is followed, and time
 * is bounded by the size of the model. */
const void *tfp_find_metadata(const void *model, size_t size, const char *name, size_t *bytes);

#endif
