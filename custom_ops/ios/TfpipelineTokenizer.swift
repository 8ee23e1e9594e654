import Foundation
import TfpipelineOps

/// Makes the ids that a model takes of text, with the tokenizer in the model's file:
///
///     let model = try Data(contentsOf: url, options: .alwaysMapped)
///     let tokenizer = try TfpipelineTokenizer(model: model)
///     let ids = tokenizer.encode("a fine movie")
///     try interpreter.copy(ids.withUnsafeBytes { Data($0) }, toInputAt: 0)
///
/// The vocabulary is read where it lies in the data, and never copied.
public final class TfpipelineTokenizer {
  /// The model has no tokenizer, or a damaged one.
  public struct FormatError: Error {
    public let reason: String
  }

  private let model: Data

  /// - Parameter model: A whole `.tflite` file, best a mapped one.
  public init(model: Data) throws {
    let wrong: String? = Self.withEntry(TFPIPELINE_TOKENIZER, of: model) { data, bytes in
      guard let data = data else { return "is missing: export the model with tokenizer=" }
      var tokenizer = tfpipeline_tokenizer()
      return tfpipeline_tokenizer_open(data, bytes, &tokenizer).map { String(cString: $0) }
    }
    if let wrong = wrong { throw FormatError(reason: "the model's tokenizer " + wrong) }
    self.model = model
  }

  /// The ids of a text, cut and padded as the model takes them.
  public func encode(_ text: String) -> [Int32] {
    let utf8 = Array(text.utf8)
    return Self.withEntry(TFPIPELINE_TOKENIZER, of: model) { data, bytes in
      var tokenizer = tfpipeline_tokenizer(data: data, size: bytes)
      return utf8.withUnsafeBytes { bytes in
        let chars = bytes.bindMemory(to: CChar.self).baseAddress
        let count = tfpipeline_tokenizer_encode(&tokenizer, chars, utf8.count, nil, 0)
        var ids = [Int32](repeating: 0, count: count)
        _ = tfpipeline_tokenizer_encode(&tokenizer, chars, utf8.count, &ids, count)
        return ids
      }
    }
  }

  /// The model card, which is JSON and has the labels; nil where the model has none.
  public static func modelCard(of model: Data) -> Data? {
    withEntry(TFPIPELINE_MODEL_CARD, of: model) { data, bytes in
      data.map { Data(bytes: $0, count: bytes) }
    }
  }

  private static func withEntry<Result>(
    _ name: String, of model: Data, _ body: (UnsafeRawPointer?, Int) -> Result
  ) -> Result {
    model.withUnsafeBytes { file in
      var bytes = 0
      return body(tfpipeline_find_metadata(file.baseAddress, file.count, name, &bytes), bytes)
    }
  }
}
