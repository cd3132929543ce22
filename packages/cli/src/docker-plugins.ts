import { toNetkitError, type NetkitError } from "@netkit/core";
import type { Netkit } from "@netkit/engine";
import { dockerSocket } from "./docker-socket.ts";

/** Docker may make the folder of the sockets anew; then they are missed after so long. */
const lookEveryMs = 1_000;

/**
 * Serves Docker until it is disposed of. The last trouble with its sockets is told once.
 * @throws NetkitError AGENT_UNAVAILABLE
 */
export async function serveDockerPlugins(
  netkit: Netkit,
  onError: (error: NetkitError) => void,
): Promise<AsyncDisposable> {
  const { serveDocker } = await import("@netkit/runtime-docker");
  const server = await serveDocker(netkit, { api: dockerSocket() });
  let told: string | undefined;
  const look = setInterval(() => {
    server.lookAfter().then(
      () => (told = undefined),
      (cause: unknown) => {
        const error = toNetkitError(cause);
        if (error.message !== told) onError(error);
        told = error.message;
      },
    );
  }, lookEveryMs);
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(look);
      await server.close();
    },
  };
}
