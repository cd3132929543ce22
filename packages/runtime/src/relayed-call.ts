import type { Netkit } from "@netkit/engine";

/** Answers calls that an executable hands on to the agent: text in, text out. */
export type Relay = (netkit: Netkit, call: string) => Promise<string>;

/** What a runtime starts a plugin with, as its executable hands it on. */
export interface RelayedCall {
  /** What it is called with: variables, arguments. */
  readonly head: readonly string[];
  /** What came on stdin. */
  readonly input: string;
}

/** What an executable prints, and its exit status. */
export interface Answer {
  readonly status: number;
  readonly stdout: string;
  readonly stderr?: string;
}

/** A call is a line for each part of its head, an empty line, then what came on stdin. */
export function parseCall(text: string): RelayedCall {
  const end = text.indexOf("\n\n");
  const [head, input] = end < 0 ? [text, ""] : [text.slice(0, end), text.slice(end + 2)];
  return { head: head.split("\n"), input };
}

/** The answer is a line with the exit status, then what is to be printed. */
export function formatAnswer({ status, stdout }: Answer): string {
  return `${status}\n${stdout}`;
}
