/** How the workspace's own programs read their words: tests, bench and soak. */
import { parseArgs, type ParseArgsOptionsConfig } from "node:util";

export interface CommandLine<O extends ParseArgsOptionsConfig> {
  /** What its errors begin with. */
  readonly name: string;
  /** What `--help` prints. */
  readonly usage: string;
  readonly options: O;
}

/** Its options by name, and the other words. */
type Parsed<O extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ readonly options: O; readonly allowPositionals: true }>
>;

/** What this process was asked for. It ends with the usage where that is asked for, and in {@link refuse} where the words can't be read. */
export function readCommandLine<const O extends ParseArgsOptionsConfig>({
  name,
  usage,
  options,
}: CommandLine<O>): Parsed<O> {
  const words = process.argv.slice(2);
  if (words.includes("--help") || words.includes("-h")) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  try {
    return parseArgs({ options, allowPositionals: true });
  } catch (error) {
    // What follows the first sentence is advice about positional arguments.
    if (error instanceof TypeError) return refuse(name, error.message.split(/\.\s/, 1)[0] ?? "");
    throw error;
  }
}

/** Ends the process, of what it is asked for: one line, and status 2. */
export function refuse(name: string, message: string): never {
  process.stderr.write(`${name}: ${message}; --help says what there is\n`);
  process.exit(2);
}
