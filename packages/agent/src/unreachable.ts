import { isNetkitError, NetkitError } from "@netkit/core";

/** Errors of a socket that nobody listens on: it is not there, or its agent has died. */
const nobody = new Set(["ENOENT", "ECONNREFUSED", "ECONNRESET"]);

/** True for an error that says that no agent runs. */
export function isNobodyThere(error: unknown): boolean {
  return isNetkitError(error) && error.code === "AGENT_NOT_FOUND";
}

/** @param code of the socket's error, as ENOENT */
export function unavailable(path: string, code: string, cause?: Error): NetkitError {
  const none = nobody.has(code);
  return new NetkitError(
    none ? "AGENT_NOT_FOUND" : "AGENT_UNAVAILABLE",
    `${none ? "no agent runs" : "the agent can't be reached"} (${path}: ${code})`,
    {
      hint: none
        ? "The next command of netkit's that needs one starts it, for Docker 'netkit doctor --repair'; 'netkit agent' runs one in the foreground."
        : "Is it netkit's, and are you root?",
      details: { path, code },
      cause,
    },
  );
}

export function timedOut(path: string, timeoutMs: number): NetkitError {
  return new NetkitError("AGENT_UNAVAILABLE", `the agent has not answered for ${timeoutMs / 1_000} s (${path})`, {
    hint: "If a command started it, its log is agent.log in the state directory; 'netkit agent stop' ends it, and the next command starts another.",
    details: { path },
  });
}

export function broken(path: string, what: string): NetkitError {
  return new NetkitError("AGENT_UNAVAILABLE", `${path} is no agent of netkit's: ${what}`, {
    hint: "Is there another program's socket at this path?",
    details: { path },
  });
}
