/* The native functions of org.tfpipeline.TfpipelineTokenizer. Part of libtfpipeline_ops where CMake
 * is called with -DTFPIPELINE_JNI=ON. */
#include <jni.h>
#include <stdint.h>

#include "../plugin/tfpipeline_text.h"

/* The entry of a model in a direct buffer; `*model` is NULL where it is no such buffer. */
static const void *entry_of(JNIEnv *env, jobject buffer, const char *name, const void **model,
                            size_t *bytes) {
  *bytes = 0;
  *model = buffer != NULL ? (*env)->GetDirectBufferAddress(env, buffer) : NULL;
  const jlong size = *model != NULL ? (*env)->GetDirectBufferCapacity(env, buffer) : 0;
  return size > 0 ? tfpipeline_find_metadata(*model, (size_t)size, name, bytes) : NULL;
}

JNIEXPORT jstring JNICALL Java_org_tfpipeline_TfpipelineTokenizer_check(JNIEnv *env, jclass type,
                                                                        jobject buffer) {
  (void)type;
  const void *model;
  size_t bytes;
  const void *data = entry_of(env, buffer, TFPIPELINE_TOKENIZER, &model, &bytes);
  tfpipeline_tokenizer tokenizer;
  const char *wrong = data != NULL    ? tfpipeline_tokenizer_open(data, bytes, &tokenizer)
                      : model == NULL ? "is missing: the model is no direct ByteBuffer"
                                      : "is missing: export the model with tokenizer=";
  return wrong != NULL ? (*env)->NewStringUTF(env, wrong) : NULL;
}

JNIEXPORT jint JNICALL Java_org_tfpipeline_TfpipelineTokenizer_encode(JNIEnv *env, jclass type,
                                                                      jobject buffer,
                                                                      jbyteArray text,
                                                                      jintArray ids) {
  (void)type;
  const void *model;
  tfpipeline_tokenizer tokenizer;
  tokenizer.data = entry_of(env, buffer, TFPIPELINE_TOKENIZER, &model, &tokenizer.size);
  if (tokenizer.data == NULL) return 0;
  jbyte *chars = (*env)->GetByteArrayElements(env, text, NULL);
  if (chars == NULL) return 0; /* Java throws then */
  jint *found = (*env)->GetIntArrayElements(env, ids, NULL);
  size_t count = 0;
  if (found != NULL) {
    const size_t length = (size_t)(*env)->GetArrayLength(env, text);
    const size_t capacity = (size_t)(*env)->GetArrayLength(env, ids);
    count = tfpipeline_tokenizer_encode(&tokenizer, (const char *)chars, length, (int32_t *)found,
                                        capacity);
    (*env)->ReleaseIntArrayElements(env, ids, found, 0);
  }
  (*env)->ReleaseByteArrayElements(env, text, chars, JNI_ABORT);
  return (jint)count;
}

JNIEXPORT jbyteArray JNICALL Java_org_tfpipeline_TfpipelineTokenizer_card(JNIEnv *env, jclass type,
                                                                          jobject buffer) {
  (void)type;
  const void *model;
  size_t bytes;
  const void *data = entry_of(env, buffer, TFPIPELINE_MODEL_CARD, &model, &bytes);
  if (data == NULL || bytes > INT32_MAX) return NULL;
  jbyteArray card = (*env)->NewByteArray(env, (jsize)bytes);
  if (card != NULL) (*env)->SetByteArrayRegion(env, card, 0, (jsize)bytes, data);
  return card;
}
