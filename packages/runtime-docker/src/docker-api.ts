import { request } from "node:http";
import { NetkitError } from "@netkit/core";
import * as z from "zod";

/** What is needed of Docker's `GET /containers/ID/json`. */
export interface ContainerNames {
  /** The path of its namespace; absent: it doesn't run. */
  readonly sandboxKey?: string;
  /** Without the slash that it begins with there. */
  readonly name: string;
  readonly hostname: string;
  /** The aliases of each endpoint, by its id. */
  readonly endpoints: ReadonlyMap<string, readonly string[]>;
}

export interface Container extends ContainerNames {
  readonly id: string;
  /** Its first process, as Docker sees it; undefined: it isn't running. */
  readonly pid: number | undefined;
}

const aliases = z.array(z.string()).nullish();
const container = z.object({
  Id: z.string(),
  Name: z.string(),
  State: z.object({ Pid: z.int(), Running: z.boolean() }),
  Config: z.object({ Hostname: z.string().nullish() }),
  NetworkSettings: z.object({
    SandboxKey: z.string().nullish(),
    Networks: z
      .record(z.string(), z.object({ EndpointID: z.string().nullish(), Aliases: aliases, DNSNames: aliases }))
      .nullish(),
  }),
});
const networks = z.array(z.object({ Id: z.string(), Name: z.string() }));
const info = z.object({ ID: z.string(), LiveRestoreEnabled: z.boolean() });
const listed = z.array(z.object({ Id: z.string(), Names: z.array(z.string()).nullish() }));
const refusal = z.object({ message: z.string() });
const event = z.object({
  Type: z.string(),
  Action: z.string(),
  Actor: z.object({ ID: z.string(), Attributes: z.record(z.string(), z.string()).nullish() }),
});

/** A network as Docker calls it. */
export interface NetworkName {
  readonly id: string;
  readonly name: string;
}

/** Answers are a few KB, a list of a thousand containers is 2 MB. */
const maxBytes = 32 * 1024 * 1024;
/** What Docker may take for an answer; a container is locked while it starts. */
const timeoutMs = 60_000;

interface Follower {
  /** Called when nothing will be missed any more, and when Docker has other settings. */
  readonly onOpen: () => void;
  readonly onContainer: (id: string) => void;
  readonly onNetwork: (network: NetworkName) => void;
}

/** Docker's own API on its Unix socket, so far as it tells of containers and names. */
export class DockerApi {
  readonly #socket: string;

  constructor(socket: string) {
    this.#socket = socket;
  }

  /** Which dockerd it is, through all its starts, and whether containers go on while it is started anew (live-restore). */
  async daemon(): Promise<{ readonly id: string; readonly outlived: boolean }> {
    const { ID, LiveRestoreEnabled } = info.parse(await this.#get("/info"));
    return { id: ID, outlived: LiveRestoreEnabled };
  }

  /** All containers that run. */
  async containers(): Promise<Pick<Container, "id" | "name">[]> {
    const all = listed.parse(await this.#get("/containers/json"));
    return all.map(({ Id, Names }) => ({ id: Id, name: plain(Names?.[0] ?? Id) }));
  }

  /** All networks, of whatever driver. */
  async networks(): Promise<NetworkName[]> {
    return networks.parse(await this.#get("/networks")).map(({ Id, Name }) => ({ id: Id, name: Name }));
  }

  /**
   * By id, name or unique prefix of an id; undefined: there is no such container.
   * @throws NetkitError ENGINE_UNAVAILABLE
   */
  async container(ref: string): Promise<Container | undefined> {
    const answer = await this.#get(`/containers/${encodeURIComponent(ref)}/json`);
    if (answer === undefined) return undefined;
    const { Id, Name, State, Config, NetworkSettings } = container.parse(answer);
    const key = State.Running ? (NetworkSettings.SandboxKey ?? "") : "";
    return {
      id: Id,
      pid: State.Pid > 0 ? State.Pid : undefined,
      ...(key === "" ? {} : { sandboxKey: key }),
      name: plain(Name),
      hostname: Config.Hostname ?? "",
      endpoints: new Map(
        Object.values(NetworkSettings.Networks ?? {}).flatMap(({ EndpointID, Aliases, DNSNames }) =>
          EndpointID ? [[EndpointID, [...(Aliases ?? []), ...(DNSNames ?? [])]] as const] : [],
        ),
      ),
    };
  }

  /** Tells of each container whose names may have changed, or that has ended, and of each new network, until the stream ends. */
  async follow({ onOpen, onContainer, onNetwork }: Follower, signal: AbortSignal): Promise<void> {
    const filters = JSON.stringify({
      type: ["container", "network", "daemon"],
      event: ["start", "die", "rename", "connect", "reload", "create"],
    });
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const asking = request(
      { socketPath: this.#socket, path: `/events?filters=${encodeURIComponent(filters)}`, signal, agent: false },
      (response) => {
        let rest = "";
        response.setEncoding("utf8").on("data", (text: string) => {
          const lines = (rest + text).split("\n");
          rest = lines.pop() ?? "";
          if (rest.length > maxBytes) response.destroy(new Error("Docker's event is too long"));
          for (const line of lines) {
            const about = parsedEvent(line);
            if (about?.Type === "daemon") onOpen();
            const id = about && containerOf(about);
            if (id !== undefined) onContainer(id);
            const network = about && newNetworkOf(about);
            if (network !== undefined) onNetwork(network);
          }
        });
        response.on("error", reject).on("close", resolve);
        onOpen();
      },
    );
    asking.on("error", reject);
    asking.end();
    await promise;
  }

  async #get(path: string): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const signal = AbortSignal.timeout(timeoutMs);
    const asking = request({ socketPath: this.#socket, path, signal, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      let length = 0;
      response.on("data", (chunk: Buffer) => {
        length += chunk.length;
        if (length > maxBytes) response.destroy(new Error("Docker's answer is too long"));
        chunks.push(chunk);
      });
      response.on("error", reject).on("end", () => {
        if (response.statusCode === 404) return resolve(undefined);
        const text = Buffer.concat(chunks).toString();
        if (response.statusCode !== 200) return reject(new Error(`it answers ${response.statusCode}: ${said(text)}`));
        try {
          resolve(JSON.parse(text) as unknown);
        } catch (error) {
          reject(error);
        }
      });
    });
    asking.on("error", reject);
    asking.end();
    return await promise.catch((cause: unknown) => {
      throw unavailable(this.#socket, cause);
    });
  }
}

/** The words of an answer that is a refusal. */
function said(text: string): string {
  try {
    return refusal.parse(JSON.parse(text)).message;
  } catch {
    return text.slice(0, 200);
  }
}

/** Docker writes names with a slash before them. */
function plain(name: string): string {
  return name.replace(/^\//, "");
}

function unavailable(socket: string, cause: unknown): NetkitError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new NetkitError("ENGINE_UNAVAILABLE", `Docker can't be asked at ${socket}: ${why}`, {
    hint: "Does dockerd run? It is looked for at DOCKER_HOST, a unix:// address, or /run/docker.sock.",
    details: { socket },
    cause,
  });
}

function parsedEvent(line: string): z.infer<typeof event> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return event.safeParse(value).data;
}

/** Of an event: the container itself, or the one that was connected to a network. */
function containerOf({ Type, Action, Actor }: z.infer<typeof event>): string | undefined {
  if (Action === "create") return undefined;
  return Type === "container" ? Actor.ID : Actor.Attributes?.["container"];
}

function newNetworkOf({ Type, Action, Actor }: z.infer<typeof event>): NetworkName | undefined {
  const name = Actor.Attributes?.["name"];
  return Type === "network" && Action === "create" && name !== undefined ? { id: Actor.ID, name } : undefined;
}
