import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { readStat } from "../src/process.ts";
import { makeNamespace } from "./fixture.ts";

const program = join(import.meta.dirname, "foreground.program.ts");

interface Session {
  /** Settles when the output matches; the match is taken out. Caller and child may speak in either order. */
  expect(pattern: RegExp): Promise<RegExpExecArray>;
  type(text: string): void;
  kill(signal: NodeJS.Signals): void;
  readonly exit: Promise<number | null>;
}

function open(file: string, args: string[]): Session {
  const child = spawn(file, args, { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    output += chunk;
  });
  return {
    async expect(pattern) {
      for (;;) {
        const match = pattern.exec(output);
        if (match !== null) {
          output = output.slice(0, match.index) + output.slice(match.index + match[0].length);
          return match;
        }
        await once(child.stdout, "data", { signal: AbortSignal.timeout(20_000) });
      }
    },
    type: (text) => void child.stdin.write(text),
    kill: (signal) => void child.kill(signal),
    exit: once(child, "exit").then(([code]) => code as number | null),
  };
}

/** Quoted for a shell. */
function line(script: string): string {
  const options = JSON.stringify({ namespacePath: makeNamespace(), command: ["sh", "-c", script] });
  return `${process.execPath} ${program} '${options.replaceAll("'", `'\\''`)}'`;
}

/**
 * util-linux's script(1) gives the command a pseudo-terminal and passes on what it reads. It starts a shell, which would
 * get the Ctrl-C too: `exec` puts the command in its place.
 */
const inTerminal = (command: string): Session => open("script", ["-qec", command, "/dev/null"]);

async function pids(session: Session): Promise<{ caller: number; child: number }> {
  const [, caller, child] = await session.expect(/caller=(\d+) child=(\d+)/);
  return { caller: Number(caller), child: Number(child) };
}

const stateOf = (pid: number) => readStat(pid)?.state;

test("a terminal passes through, and Ctrl-C ends the child with 130", async () => {
  const session = inTerminal(
    `exec ${line("test -t 0 && test -t 1 && test -t 2 && tty && echo READY; exec sleep 100")}`,
  );
  await session.expect(/\/dev\/pts\/\d+\s+READY/);
  session.type("\x03");
  expect(await session.exit).toBe(130);
});

test("Ctrl-C reaches the child once", async () => {
  // Not a shell: dash can lose the status of an exit in one trap while it still returns from another.
  const counter = `let count = 0;
    process.on("SIGINT", () => { count += 1; console.log("INT"); });
    process.on("SIGUSR1", () => { console.log("count=" + count + "."); process.exit(5); });
    setInterval(() => {}, 1e6);
    console.log("READY");`;
  const script = `exec ${process.execPath} -e '${counter}'`;
  const session = inTerminal(`exec ${line(script)}`);
  const { caller } = await pids(session);
  await session.expect(/READY/);
  session.type("\x03");
  await session.expect(/INT/);
  // Passed on by the caller, after whatever it made of the Ctrl-C.
  process.kill(caller, "SIGUSR1");
  await session.expect(/count=1\D/);
  expect(await session.exit).toBe(5);
});

test("Ctrl-Z stops both, fg goes on with both", async () => {
  const session = inTerminal("bash --norc --noprofile -i");
  session.type(`${line("echo RE''ADY; exec sleep 100")}\n`);
  const { caller, child } = await pids(session);
  await session.expect(/READY/);
  session.type("\x1a");
  await session.expect(/Stopped/);
  await expect.poll(() => [stateOf(caller), stateOf(child)]).toEqual(["T", "T"]);
  session.type("fg\n");
  await expect.poll(() => [stateOf(caller), stateOf(child)]).toEqual(["S", "S"]);
  session.type("\x03");
  session.type('echo "rc""=$?"; exit\n');
  await session.expect(/rc=130/);
  await session.exit;
});

test("a lost terminal ends the child, when the caller leads the session too", async () => {
  for (const prefix of ["exec ", ""]) {
    const session = inTerminal(`${prefix}${line("echo READY; sleep 100; :")}; exit`);
    const { caller, child } = await pids(session);
    await session.expect(/READY/);
    session.kill("SIGKILL");
    await expect.poll(() => [stateOf(caller) ?? "Z", stateOf(child) ?? "Z"], { timeout: 20_000 }).toEqual(["Z", "Z"]);
  }
});

test.each([
  ["SIGTERM", 143],
  ["SIGINT", 130],
  ["SIGQUIT", 131],
  ["SIGHUP", 129],
  ["SIGUSR1", 138],
  ["SIGUSR2", 140],
] as const)("without a terminal %s is passed on", async (signal, code) => {
  const session = open("sh", ["-c", `exec ${line("echo READY; exec sleep 100")}`]);
  const { caller } = await pids(session);
  await session.expect(/READY/);
  process.kill(caller, signal);
  expect(await session.exit).toBe(code);
});

test("the child decides what a passed-on signal means", async () => {
  const session = open("sh", ["-c", `exec ${line("trap 'exit 3' TERM; echo READY; while :; do read x; done")}`]);
  const { caller } = await pids(session);
  await session.expect(/READY/);
  process.kill(caller, "SIGTERM");
  expect(await session.exit).toBe(3);
});
