const isTerminal = process.stdout.isTTY && process.env["NO_COLOR"] === undefined;
const paint =
  (code: string) =>
  (text: string): string =>
    isTerminal ? `\x1b[${code}m${text}\x1b[0m` : text;
const bold = paint("1");
const dim = paint("2");
const red = paint("31");
const green = paint("32");
const cyan = paint("36");

let steps = 0;

/** Prints a line. This folder is a program, not a library. */
export function print(line = ""): void {
  process.stdout.write(`${line}\n`);
}

export function title(text: string): void {
  print();
  print(bold(cyan(text)));
}

/** A command as a person would type it, and what it printed. */
export function typed(command: string, output = "", most = 14): void {
  print(`  ${dim("$")} ${command}`);
  const lines = output
    .trimEnd()
    .split("\n")
    .filter((line) => line !== "");
  for (const line of lines.slice(0, most)) print(`    ${dim(line)}`);
  if (lines.length > most) print(`    ${dim(`... ${lines.length - most} more lines`)}`);
}

/** Runs one step and says how it went and how long it took. Throws on: a demo that fails must say so. */
export async function step<T>(what: string, work: () => T | Promise<T>): Promise<T> {
  const started = performance.now();
  try {
    const result = await work();
    steps++;
    print(`  ${green("ok")} ${what} ${dim(`${(performance.now() - started).toFixed(0)} ms`)}`);
    return result;
  } catch (error) {
    print(`  ${red("FAILED")} ${what}`);
    throw error;
  }
}

export function expect(condition: boolean, what: string): void {
  if (!condition) throw new Error(`expected ${what}`);
}

export function summary(): string {
  return bold(green(`${steps} steps, all as expected`));
}
