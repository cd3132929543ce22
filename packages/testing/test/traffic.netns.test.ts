// What tests find of who reaches whom.
import { expect, test } from "vitest";
import { compareSnapshots, createHost, reach, serve, takeSnapshot } from "../src/index.ts";

test.each(["tcp", "udp"] as const)("%s: a process that is held up takes it for nobody's silence", async (protocol) => {
  await using host = await createHost();
  const before = await takeSnapshot({ host });
  {
    await using echo = await serve(host);
    const asked = reach(host, { protocol, address: "127.0.0.1", port: echo.port }, 200);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 500);
    expect(await asked).toEqual({ status: "ok", source: "127.0.0.1" });
  }
  expect((await reach(host, { protocol, address: "127.0.0.1", port: 9 }, 200)).status).toBe("refused");
  expect(compareSnapshots(before, await takeSnapshot({ host }))).toEqual([]);
});
