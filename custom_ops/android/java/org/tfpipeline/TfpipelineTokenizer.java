package org.tfpipeline;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * Makes the ids that a model takes of text, with the tokenizer in the model's file.
 *
 * <pre>{@code
 * MappedByteBuffer model = channel.map(FileChannel.MapMode.READ_ONLY, start, length);
 * TfpipelineTokenizer tokenizer = new TfpipelineTokenizer(model);
 * int[][] ids = {tokenizer.encode("a fine movie")};
 * float[][] scores = new float[1][labels];
 * new Interpreter(model).run(ids, scores);
 * }</pre>
 *
 * <p>The vocabulary is read where it lies in the buffer, and never copied. Several threads may share
 * a tokenizer.
 */
public final class TfpipelineTokenizer {
  static {
    System.loadLibrary("tfpipeline_ops");
  }

  private static final int FIRST_GUESS = 256;

  private final ByteBuffer model;

  /**
   * @param model a whole {@code .tflite} file in a direct buffer, such as a mapped one; it must not
   *     change afterwards.
   * @throws IllegalArgumentException where it has no tokenizer, or a damaged one.
   */
  public TfpipelineTokenizer(ByteBuffer model) {
    String wrong = check(model);
    if (wrong != null) throw new IllegalArgumentException("the model's tokenizer " + wrong);
    this.model = model;
  }

  /** The ids of a text, cut and padded as the model takes them. A lone surrogate counts as '?'. */
  public int[] encode(String text) {
    return encode(text.getBytes(StandardCharsets.UTF_8));
  }

  /** The ids of a text in UTF-8; any other bytes are a text too. */
  public int[] encode(byte[] text) {
    int[] ids = new int[FIRST_GUESS];
    int count = encode(model, text, ids);
    if (count > ids.length) {
      ids = new int[count];
      encode(model, text, ids);
    }
    return Arrays.copyOf(ids, count);
  }

  /** The model card, which is JSON and has the labels; null where the model has none. */
  public static String modelCard(ByteBuffer model) {
    byte[] found = card(model);
    return found == null ? null : new String(found, StandardCharsets.UTF_8);
  }

  private static native String check(ByteBuffer model);

  private static native int encode(ByteBuffer model, byte[] text, int[] ids);

  private static native byte[] card(ByteBuffer model);
}
