import { execFile } from "node:child_process";
import { NetkitError } from "@netkit/core";
import * as z from "zod/mini";

/** What is known of one of Podman's containers. */
export interface PodmanContainer {
  readonly id: string;
  readonly name: string;
  readonly hostname: string;
  /** Undefined: it isn't running. */
  readonly pid: number | undefined;
}

const inspected = z.tuple([
  z.object({
    Id: z.string(),
    Name: z.string(),
    State: z.object({ Pid: z.int() }),
    Config: z.object({ Hostname: z.nullish(z.string()) }),
  }),
]);
const listed = z.array(
  z.object({ Id: z.string(), Names: z.nullish(z.array(z.string())), Networks: z.nullish(z.array(z.string())) }),
);

/** Answers of `podman inspect` are 10 KB. */
const maxBuffer = 32 * 1024 * 1024;
/** What Podman may take for an answer: it waits while another one has its lock. */
const timeout = 60_000;

/**
 * By name, id or unique prefix of an id, of root's Podman, which has no daemon to ask; undefined: there is no such container.
 * @throws NetkitError TOOL_MISSING, ENGINE_UNAVAILABLE
 */
export async function podmanContainer(ref: string): Promise<PodmanContainer | undefined> {
  const { failure, stdout } = await podman("container", "inspect", "--", ref);
  if (failure !== undefined && /no such (container|object)/i.test(failure)) return undefined;
  if (failure !== undefined) throw unavailable(failure);
  const [{ Id, Name, State, Config }] = parse(inspected, stdout);
  return { id: Id, name: Name, hostname: Config.Hostname ?? "", pid: State.Pid > 0 ? State.Pid : undefined };
}

/** The names of those that run. */
export async function podmanNames(): Promise<string[]> {
  return (await running()).flatMap(({ Names }) => Names ?? []);
}

/** Those that run on a network of Podman's. @throws NetkitError TOOL_MISSING, ENGINE_UNAVAILABLE */
export async function podmanConnected(): Promise<{ readonly id: string; readonly name: string }[]> {
  return (await running()).flatMap(({ Id, Names, Networks }) =>
    (Networks ?? []).length > 0 ? [{ id: Id, name: Names?.[0] ?? Id.slice(0, 12) }] : [],
  );
}

async function running(): Promise<z.infer<typeof listed>> {
  const { failure, stdout } = await podman("ps", "--format", "json");
  if (failure !== undefined) throw unavailable(failure);
  return parse(listed, stdout);
}

async function podman(...words: string[]): Promise<{ readonly failure?: string; readonly stdout: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ failure?: string; stdout: string }>();
  execFile("podman", words, { maxBuffer, timeout }, (error, stdout, stderr) => {
    if (error === null) return resolve({ stdout });
    if (error.code === "ENOENT") return reject(missing(error));
    resolve({ failure: stderr.trim() || error.message, stdout });
  });
  return await promise;
}

function parse<T>(schema: z.ZodMiniType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (cause) {
    throw unavailable("it answers what netkit doesn't understand", cause);
  }
}

function missing(cause: unknown): NetkitError {
  return new NetkitError("TOOL_MISSING", "there is no program 'podman'", {
    hint: "Containers of Podman are asked for by it; any other is found by its process: pid://PID",
    cause,
  });
}

function unavailable(why: string, cause?: unknown): NetkitError {
  return new NetkitError("ENGINE_UNAVAILABLE", `Podman doesn't tell of its containers: ${why}`, {
    hint: "Does 'podman ps' work?",
    cause,
  });
}
