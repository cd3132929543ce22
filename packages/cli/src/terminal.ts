import { styleText } from "node:util";

type Style = Parameters<typeof styleText>[0];

/** What is known of the terminal that a command prints to. */
export interface Terminal {
  /** `text` in a style where stdout shows colours, otherwise as it is. */
  out(style: Style, text: string): string;
  /** The same for stderr. */
  err(style: Style, text: string): string;
  /** A line on stdout, now; the line of a {@link progress} gives way. */
  print(line: string): void;
  /** A line on stderr while `work` goes on, if it takes long and stderr is a terminal. */
  progress<T>(label: string | (() => string), work: () => Promise<T>): Promise<T>;
}

const progressAfterMs = 300;
const frameMs = 90;
const frames = ["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"] as const;

/** Colours go to terminals alone; NO_COLOR, then `noColor`, turn them off, FORCE_COLOR turns them on. */
export function terminal(noColor: boolean, env: NodeJS.ProcessEnv = process.env): Terminal {
  const colours = (stream: NodeJS.WriteStream): boolean => {
    if (noColor || (env["NO_COLOR"] ?? "") !== "") return false;
    const force = env["FORCE_COLOR"];
    if (force !== undefined) return force !== "0" && force !== "false";
    return stream.isTTY && env["TERM"] !== "dumb";
  };
  const painter = (stream: NodeJS.WriteStream) => {
    const on = colours(stream);
    return (style: Style, text: string) => (on ? styleText(style, text, { validateStream: false }) : text);
  };
  const err = painter(process.stderr);
  return {
    out: painter(process.stdout),
    err,
    print(line) {
      if (process.stderr.isTTY) process.stderr.write("\r\u{1b}[K");
      process.stdout.write(`${line}\n`);
    },
    progress: (label, work) => showProgress(label, work, err),
  };
}

async function showProgress<T>(
  label: string | (() => string),
  work: () => Promise<T>,
  paint: Terminal["err"],
): Promise<T> {
  if (!process.stderr.isTTY) return work();
  let frame = 0;
  let ticking: NodeJS.Timeout | undefined;
  const draw = (): void => {
    const text = typeof label === "string" ? label : label();
    process.stderr.write(`\r${paint("cyan", frames[frame++ % frames.length] ?? "")} ${text}\u{1b}[K`);
  };
  const starting = setTimeout(() => {
    draw();
    ticking = setInterval(draw, frameMs);
  }, progressAfterMs);
  try {
    return await work();
  } finally {
    clearTimeout(starting);
    clearInterval(ticking);
    if (frame > 0) process.stderr.write("\r\u{1b}[K");
  }
}
