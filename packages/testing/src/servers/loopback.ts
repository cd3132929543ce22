import { createHost } from "@netkit/conformance/lab";
import { afterAll, beforeAll, expect } from "vitest";

/** For a whole test file: a loopback of its own, and at the end the check that no client has left a connection. */
export function ownLoopback(): void {
  let leave: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    const host = await createHost();
    const inside = host.enter();
    leave = async () => {
      inside[Symbol.dispose]();
      const left = await host.exec(["ss", "-Htnp", "state", "established"]);
      await host[Symbol.asyncDispose]();
      // oxlint-disable-next-line vitest/no-standalone-expect -- the leak check
      expect(left).toBe("");
    };
  });
  afterAll(async () => await leave?.());
}
