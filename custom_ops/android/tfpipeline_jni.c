/* The native functions of org.tfpipeline.TfpipelineDelegate. Part of libtfpipeline_ops where
 * CMake is called with -DTFPIPELINE_JNI=ON. */
#include <jni.h>
#include <stdint.h>
#include <stdio.h>

#include "../plugin/tfpipeline_ops.h"

enum { kMostOptions = 16 };

/* The callback has no argument of ours, and delegates may be made by several threads. */
static _Thread_local char last_error[320];

static void keep_error(const char *message) {
  snprintf(last_error, sizeof last_error, "%s", message);
}

static void throw_argument_error(JNIEnv *env) {
  jclass type = (*env)->FindClass(env, "java/lang/IllegalArgumentException");
  if (type != NULL) (*env)->ThrowNew(env, type, last_error);
}

typedef struct text {
  jstring object;
  const char *chars; /* NULL for a null object, which the plug-in refuses by name */
} text;

static text text_at(JNIEnv *env, jobjectArray array, jsize i) {
  text t = {(*env)->GetObjectArrayElement(env, array, i), NULL};
  if (t.object != NULL) t.chars = (*env)->GetStringUTFChars(env, t.object, NULL);
  return t;
}

static void release(JNIEnv *env, text t) {
  if (t.chars != NULL) (*env)->ReleaseStringUTFChars(env, t.object, t.chars);
}

JNIEXPORT jlong JNICALL Java_org_tfpipeline_TfpipelineDelegate_create(JNIEnv *env, jclass type,
                                                                      jobjectArray keys,
                                                                      jobjectArray values) {
  (void)type;
  const jsize count = (*env)->GetArrayLength(env, keys);
  if (count > kMostOptions) {
    keep_error("tfpipeline: there are no more than 4 options");
    throw_argument_error(env);
    return 0;
  }
  text key[kMostOptions], value[kMostOptions];
  char *key_chars[kMostOptions], *value_chars[kMostOptions];
  for (jsize i = 0; i < count; ++i) {
    key[i] = text_at(env, keys, i);
    value[i] = text_at(env, values, i);
    key_chars[i] = (char *)key[i].chars;
    value_chars[i] = (char *)value[i].chars;
  }
  struct TfLiteDelegate *delegate =
      tflite_plugin_create_delegate(key_chars, value_chars, (size_t)count, keep_error);
  for (jsize i = 0; i < count; ++i) {
    release(env, key[i]);
    release(env, value[i]);
  }
  if (delegate == NULL) throw_argument_error(env);
  return (jlong)(intptr_t)delegate;
}

JNIEXPORT void JNICALL Java_org_tfpipeline_TfpipelineDelegate_destroy(JNIEnv *env, jclass type,
                                                                      jlong handle) {
  (void)env;
  (void)type;
  tflite_plugin_destroy_delegate((struct TfLiteDelegate *)(intptr_t)handle);
}

JNIEXPORT jobjectArray JNICALL Java_org_tfpipeline_TfpipelineDelegate_ops(JNIEnv *env,
                                                                          jclass type) {
  (void)type;
  jclass string = (*env)->FindClass(env, "java/lang/String");
  if (string == NULL) return NULL;
  const jsize count = (jsize)tfpipeline_op_count();
  jobjectArray names = (*env)->NewObjectArray(env, count, string, NULL);
  for (jsize i = 0; names != NULL && i < count; ++i) {
    jstring name = (*env)->NewStringUTF(env, tfpipeline_op_name((size_t)i));
    if (name == NULL) return NULL; /* Java throws then */
    (*env)->SetObjectArrayElement(env, names, i, name);
    (*env)->DeleteLocalRef(env, name);
  }
  return names;
}
