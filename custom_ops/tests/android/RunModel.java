import java.io.File;
import java.io.FileOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import org.tensorflow.lite.Interpreter;
import org.tfpipeline.TfpipelineDelegate;

/** Runs a model as an Android app does: RunModel MODEL INPUTS OUTPUTS [KEY=VALUE ...]. */
public final class RunModel {
  public static void main(String[] arguments) throws Exception {
    try {
      new TfpipelineDelegate(Collections.singletonMap("isa", "sse9"));
      throw new AssertionError("a wrong option was accepted");
    } catch (IllegalArgumentException expected) {
      System.out.println(expected.getMessage());
    }
    System.out.println(String.join(" ", TfpipelineDelegate.ops()));
    Map<String, String> options = new HashMap<>();
    for (int i = 3; i < arguments.length; i++) {
      String[] pair = arguments[i].split("=", 2);
      options.put(pair[0], pair[1]);
    }
    ByteBuffer fed = ByteBuffer.wrap(Files.readAllBytes(new File(arguments[1]).toPath()));
    try (TfpipelineDelegate delegate = new TfpipelineDelegate(options);
        Interpreter interpreter =
            new Interpreter(new File(arguments[0]), new Interpreter.Options().addDelegate(delegate));
        FileOutputStream file = new FileOutputStream(arguments[2])) {
      Object[] inputs = new Object[interpreter.getInputTensorCount()];
      for (int i = 0; i < inputs.length; i++) {
        byte[] bytes = new byte[interpreter.getInputTensor(i).numBytes()];
        fed.get(bytes);
        inputs[i] = direct(bytes.length).put(bytes);
      }
      Map<Integer, Object> outputs = new HashMap<>();
      for (int i = 0; i < interpreter.getOutputTensorCount(); i++) {
        outputs.put(i, direct(interpreter.getOutputTensor(i).numBytes()));
      }
      interpreter.runForMultipleInputsOutputs(inputs, outputs);
      for (int i = 0; i < outputs.size(); i++) {
        ByteBuffer buffer = (ByteBuffer) outputs.get(i);
        buffer.rewind();
        file.getChannel().write(buffer);
      }
    }
  }

  private static ByteBuffer direct(int bytes) {
    return ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
  }
}
