import { runForeground, spawnInSandbox, type SpawnOptions } from "../src/index.ts";

// A program for the tests: runs what its argument says as the CLI does.
const child = spawnInSandbox(JSON.parse(process.argv[2] ?? "") as SpawnOptions);
// Said once signals are passed on: who reads it sends them.
const done = runForeground(child);
process.stdout.write(`caller=${process.pid} child=${child.pid}\n`);
process.exitCode = await done;
