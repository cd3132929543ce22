/** Waits for changes of the namespace given, of which there are none, and fails meanwhile. */
import { openMonitor } from "../src/index.ts";

const events = openMonitor({ groups: ["link"], namespace: process.argv[2] })[Symbol.asyncIterator]();
setImmediate(() => {
  throw new Error("of the watcher");
});
await events.next();
