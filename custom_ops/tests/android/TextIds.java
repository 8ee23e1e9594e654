import java.io.File;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.util.Arrays;
import org.tfpipeline.TfpipelineTokenizer;

/** Prints the ids of texts: TextIds MODEL TEXTS, where TEXTS has a text in hexadecimal a line. */
public final class TextIds {
  public static void main(String[] arguments) throws Exception {
    for (ByteBuffer wrong : new ByteBuffer[] {null, ByteBuffer.allocate(9), ByteBuffer.allocateDirect(9)}) {
      try {
        new TfpipelineTokenizer(wrong);
        throw new AssertionError("a model without a tokenizer was accepted");
      } catch (IllegalArgumentException expected) {
        System.out.println(expected.getMessage());
      }
    }
    try (RandomAccessFile file = new RandomAccessFile(arguments[0], "r")) {
      MappedByteBuffer model = file.getChannel().map(FileChannel.MapMode.READ_ONLY, 0, file.length());
      System.out.println(TfpipelineTokenizer.modelCard(model));
      TfpipelineTokenizer tokenizer = new TfpipelineTokenizer(model);
      System.out.println(Arrays.toString(tokenizer.encode("good \u00e9")));
      for (String line : Files.readAllLines(new File(arguments[1]).toPath())) {
        byte[] text = new byte[line.length() / 2];
        for (int i = 0; i < text.length; i++) {
          text[i] = (byte) Integer.parseInt(line.substring(2 * i, 2 * i + 2), 16);
        }
        System.out.println(Arrays.toString(tokenizer.encode(text)));
      }
    }
  }
}
