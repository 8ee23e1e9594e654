package org.tfpipeline;

import java.util.Collections;
import java.util.Map;
import org.tensorflow.lite.Delegate;

/**
 * The ops of tfpipeline for {@code org.tensorflow.lite.Interpreter}.
 *
 * <pre>{@code
 * TfpipelineDelegate delegate = new TfpipelineDelegate(Collections.singletonMap("num_threads", "2"));
 * Interpreter interpreter = new Interpreter(model, new Interpreter.Options().addDelegate(delegate));
 * ...
 * interpreter.close();
 * delegate.close(); // after the interpreter
 * }</pre>
 */
public final class TfpipelineDelegate implements Delegate {
  static {
    System.loadLibrary("tfpipeline_ops");
  }

  private long handle;

  /** The fastest kernels of this processor, one thread. */
  public TfpipelineDelegate() {
    this(Collections.<String, String>emptyMap());
  }

  /**
   * @param options {@code isa}, {@code num_threads}, {@code accelerate_builtin}, {@code chains},
   *     {@code verbose}.
   * @throws IllegalArgumentException for an option that does not exist or a value that does not fit.
   */
  public TfpipelineDelegate(Map<String, String> options) {
    String[] keys = new String[options.size()];
    String[] values = new String[options.size()];
    int i = 0;
    for (Map.Entry<String, String> option : options.entrySet()) {
      keys[i] = option.getKey();
      values[i++] = option.getValue();
    }
    handle = create(keys, values);
  }

  @Override
  public long getNativeHandle() {
    if (handle == 0) {
      throw new IllegalStateException("this TfpipelineDelegate is closed: make a new one.");
    }
    return handle;
  }

  /** Frees the delegate; interpreters that use it must be closed before. */
  @Override
  public void close() {
    if (handle != 0) destroy(handle);
    handle = 0;
  }

  /** The names of the custom ops that this library runs, {@code "tfpipeline.gru"} for one. */
  public static native String[] ops();

  private static native long create(String[] keys, String[] values);

  private static native void destroy(long handle);
}
