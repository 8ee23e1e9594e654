import Foundation
import TensorFlowLite
import TfpipelineOps

/// The ops of tfpipeline for TensorFlowLiteSwift's `Interpreter`:
///
///     let delegate = try TfpipelineDelegate(options: ["num_threads": "2"])
///     let interpreter = try Interpreter(modelPath: path, delegates: [delegate])
///
/// Keep the delegate as long as its interpreters.
public final class TfpipelineDelegate: Delegate {
  /// An option that does not exist, or a value that does not fit; the reason is on standard error.
  public struct OptionError: Error {}

  /// The names of the custom ops that this library runs, `"tfpipeline.gru"` for one.
  public static var ops: [String] {
    (0..<tfpipeline_op_count()).map { String(cString: tfpipeline_op_name($0)) }
  }

  /// What `Interpreter` asks for.
  public let cDelegate: CDelegate

  // A closure, because the pointer's type in Swift depends on which headers declare the struct.
  private let destroy: () -> Void

  /// - Parameter options: `isa`, `num_threads`, `accelerate_builtin`, `chains`, `verbose`.
  public init(options: [String: String] = [:]) throws {
    let pairs = options.map { (strdup($0.key), strdup($0.value)) }
    defer {
      for pair in pairs {
        free(pair.0)
        free(pair.1)
      }
    }
    let keys = pairs.map { UnsafePointer<CChar>($0.0) }
    let values = pairs.map { UnsafePointer<CChar>($0.1) }
    guard let created = tfpipeline_delegate_create(keys, values, pairs.count) else {
      throw OptionError()
    }
    cDelegate = UnsafeMutableRawPointer(created)
      .assumingMemoryBound(to: CDelegate.Pointee.self)
    destroy = { tfpipeline_delegate_destroy(created) }
  }

  deinit {
    destroy()
  }
}
