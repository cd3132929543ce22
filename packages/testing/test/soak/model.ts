import { networkName, type Operation, type Shape } from "./operations.ts";

/** What another worker does in the same round. */
export interface Other {
  readonly lane: number;
  readonly operation: Operation;
}

/** What a worker is asked for. */
export type Command =
  | { readonly do: "create network"; readonly network: string; readonly shape: Shape }
  | { readonly do: "remove network"; readonly network: string }
  | { readonly do: "open"; readonly sandbox: string; readonly networks: readonly string[] }
  | { readonly do: "join"; readonly sandbox: string; readonly holder: string }
  | { readonly do: "remove"; readonly sandbox: string }
  | { readonly do: "connect" | "disconnect"; readonly sandbox: string; readonly network: string }
  | {
      readonly do: "publish" | "unpublish";
      readonly sandbox: string;
      readonly network: string;
      readonly port: number;
    }
  | { readonly do: "repair" }
  | { readonly do: "gc" };

/** A namespace with its sandboxes. */
interface Box {
  members: readonly string[];
  /** By network, the ports of the host that it publishes there. */
  readonly endpoints: Map<string, Set<number>>;
}

/** What there must be, by what was acknowledged. */
export class Model {
  readonly networks: Map<string, Shape>;
  readonly boxes: Set<Box>;

  constructor(other?: Model) {
    this.networks = new Map(other?.networks);
    this.boxes = new Set(
      [...(other?.boxes ?? [])].map(({ members, endpoints }) => ({
        members,
        endpoints: new Map([...endpoints].map(([network, ports]) => [network, new Set(ports)])),
      })),
    );
  }

  boxOf(sandbox: string): Box | undefined {
    return [...this.boxes].find(({ members }) => members.includes(sandbox));
  }

  /** What a worker has to be asked for that is to do this; undefined: there is nothing to do it to. */
  resolve(lane: number, operation: Operation): Command | undefined {
    switch (operation.kind) {
      case "network": {
        const network = networkName(lane);
        if (this.networks.has(network)) return { do: "remove network", network };
        return { do: "create network", network, shape: operation.shape };
      }
      case "sandbox": {
        const sandbox = holderName(lane, operation.box);
        if (this.boxOf(sandbox) !== undefined) return { do: "remove", sandbox };
        return { do: "open", sandbox, networks: operation.networks };
      }
      case "join": {
        const [holder, sandbox] = [holderName(lane, operation.box), guestName(lane, operation.box)];
        if (this.boxOf(sandbox) !== undefined) return { do: "remove", sandbox };
        return this.boxOf(holder) === undefined ? undefined : { do: "join", sandbox, holder };
      }
      case "attach": {
        const sandbox = this.sandboxOf(lane, operation.box);
        const { network } = operation;
        if (sandbox === undefined) return undefined;
        return {
          do: this.boxOf(sandbox)?.endpoints.has(network) === true ? "disconnect" : "connect",
          sandbox,
          network,
        };
      }
      case "port": {
        const sandbox = this.sandboxOf(lane, operation.box);
        const endpoints = [...((sandbox === undefined ? undefined : this.boxOf(sandbox)?.endpoints) ?? [])];
        const { port } = operation;
        const published = endpoints.find(([, ports]) => ports.has(port))?.[0];
        const open = endpoints.find(
          ([network]) => [undefined, "internal"].indexOf(this.networks.get(network)) < 0,
        )?.[0];
        const network = published ?? open;
        if (sandbox === undefined || network === undefined) return undefined;
        return { do: published === undefined ? "publish" : "unpublish", sandbox, network, port };
      }
      case "damage":
        return this.sandboxOf(lane, operation.box) === undefined ? undefined : { do: "repair" };
      case "repair":
      case "gc":
        return { do: operation.kind };
    }
  }

  /** A sandbox in the box of that number, if there is one. */
  sandboxOf(lane: number, box: number): string | undefined {
    return [holderName(lane, box), guestName(lane, box)].find((name) => this.boxOf(name) !== undefined);
  }

  /** It was acknowledged. */
  apply(command: Command): void {
    switch (command.do) {
      case "create network":
        this.networks.set(command.network, command.shape);
        break;
      case "remove network":
        this.networks.delete(command.network);
        break;
      case "open":
        this.boxes.add({
          members: [command.sandbox],
          endpoints: new Map(command.networks.map((network) => [network, new Set()])),
        });
        break;
      case "join": {
        const box = this.boxOf(command.holder);
        if (box !== undefined) box.members = [...box.members, command.sandbox];
        break;
      }
      case "remove": {
        const box = this.boxOf(command.sandbox);
        if (box === undefined) break;
        box.members = box.members.filter((member) => member !== command.sandbox);
        if (box.members.length === 0) this.boxes.delete(box);
        break;
      }
      case "connect":
        this.boxOf(command.sandbox)?.endpoints.set(command.network, new Set());
        break;
      case "disconnect":
        this.boxOf(command.sandbox)?.endpoints.delete(command.network);
        break;
      case "publish":
        this.boxOf(command.sandbox)?.endpoints.get(command.network)?.add(command.port);
        break;
      case "unpublish":
        this.boxOf(command.sandbox)?.endpoints.get(command.network)?.delete(command.port);
        break;
      case "repair":
      case "gc":
        break;
    }
  }

  /**
   * Whether it may be refused with that code, by what there is, or by what the others may have done meanwhile.
   * @param others what the other workers do in the same round
   */
  mayRefuse(command: Command, code: string, others: readonly Other[]): boolean {
    switch (command.do) {
      case "open":
        return code === "NETWORK_NOT_FOUND" && command.networks.some((network) => this.#mayLack(network, others));
      case "connect":
        return code === "NETWORK_NOT_FOUND" && this.#mayLack(command.network, others);
      case "remove network":
        return code === "NETWORK_IN_USE" && this.#mayBeUsed(command.network, others);
      case "publish":
        return code === "PORT_TAKEN" && this.#mayBePublished(command.port, others);
      case "repair":
        // Somebody goes on breaking what is being mended.
        return others.some(({ operation }) => operation.kind === "damage");
      default:
        return false;
    }
  }

  #mayLack(network: string, others: readonly Other[]): boolean {
    const changes = ({ lane, operation }: Other): boolean =>
      operation.kind === "network" && networkName(lane) === network;
    return !this.networks.has(network) || others.some(changes);
  }

  #mayBeUsed(network: string, others: readonly Other[]): boolean {
    const wants = ({ operation }: Other): boolean =>
      (operation.kind === "attach" && operation.network === network) ||
      (operation.kind === "sandbox" && operation.networks.includes(network));
    return [...this.boxes].some(({ endpoints }) => endpoints.has(network)) || others.some(wants);
  }

  #mayBePublished(port: number, others: readonly Other[]): boolean {
    const wants = ({ operation }: Other): boolean => operation.kind === "port" && operation.port === port;
    const published = [...this.boxes].some(({ endpoints }) => [...endpoints.values()].some((ports) => ports.has(port)));
    return published || others.some(wants);
  }

  /** As lines that can be compared. */
  lines(): string[] {
    const networks = [...this.networks].map(([name, shape]) => `network ${name} ${shape}`);
    const boxes = [...this.boxes].map(({ members, endpoints }) => {
      const on = [...endpoints].map(
        ([network, ports]) => `${network}(${[...ports].toSorted((a, b) => a - b).join(",")})`,
      );
      return `box ${members.toSorted().join("+")} on ${on.toSorted().join(" ")}`;
    });
    return [...networks, ...boxes].toSorted();
  }
}

function holderName(lane: number, box: number): string {
  return `box${lane}${box}`;
}

function guestName(lane: number, box: number): string {
  return `guest${lane}${box}`;
}
