const closers = new Set<() => void>();

/**
 * Calls `close` when the process is about to end by process.exit() or an error that nobody caught: Node joins its worker
 * threads then, and one that waits in the kernel would hold the end up for as long.
 * @returns the way to take that back
 */
export function onProcessExit(close: () => void): () => void {
  if (closers.size === 0) process.on("exit", closeAll);
  closers.add(close);
  return () => {
    if (closers.delete(close) && closers.size === 0) process.off("exit", closeAll);
  };
}

function closeAll(): void {
  for (const close of closers) close();
}
