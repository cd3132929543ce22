/** Messages in a TCP stream: each has its length before it, in two bytes (RFC 1035, section 4.2.2). */
export function framed(message: Buffer): Buffer {
  const frame = Buffer.allocUnsafe(2 + message.length);
  frame.writeUInt16BE(message.length);
  message.copy(frame, 2);
  return frame;
}

/** The first message, if it is all there. */
export function unframed(stream: Buffer): Buffer | undefined {
  if (stream.length < 2) return undefined;
  const end = 2 + stream.readUInt16BE();
  return stream.length < end ? undefined : stream.subarray(2, end);
}
