import { familyOf, ipOf, type Endpoint, type EndpointId, type Ip, type PortRange } from "@netkit/core";
import type { Records } from "@netkit/engine";
import { hold, isServed, type Binding, type HeldPort } from "./held-port.ts";

type KeyedBinding = readonly [key: string, binding: Binding];

/**
 * Holds the host's published ports by sockets of its own, so that no other process takes them. Traffic never gets to these
 * sockets, for the firewall has sent it on before; but for what comes to `[::1]`, which no NAT can serve: that is passed
 * on from here.
 */
export class Reservations {
  readonly #records: Records;
  readonly #complain: (endpoint: Endpoint, port: Binding, cause: unknown) => void;
  readonly #held = new Map<EndpointId, Map<string, HeldPort>>();
  readonly #waiting = new Set<EndpointId>();
  /** Some of their ports aren't served, as was told. */
  readonly #refused = new Set<EndpointId>();
  /** Something is passed on for these that nobody else serves. */
  readonly #serving = new Set<EndpointId>();
  #closed = false;

  /** @param complain told of ports that only this can serve, and that can't be had */
  constructor(records: Records, complain: (endpoint: Endpoint, port: Binding, cause: unknown) => void) {
    this.#records = records;
    this.#complain = complain;
  }

  /**
   * Gives up what these endpoints don't publish any more, and takes what they do: at once what is served here alone, the
   * rest a moment later, for nobody has to wait for that. Ports that can't be had are left: their holder was there before;
   * of those that are served here alone it is tried again each time.
   */
  settle(endpoints: ReadonlySet<EndpointId>): void {
    const refused = [...this.#refused];
    for (const id of endpoints) {
      const wanted = this.#wanted(id);
      const keys = new Set(wanted.map(([key]) => key));
      for (const [key, port] of this.#held.get(id) ?? []) {
        if (keys.has(key)) continue;
        port.close();
        this.#held.get(id)?.delete(key);
      }
      this.#takeServed(id, wanted);
      if (this.#waiting.size === 0) setImmediate(() => this.#takeWaiting());
      this.#waiting.add(id);
    }
    for (const id of refused) if (!endpoints.has(id)) this.#takeServed(id, this.#wanted(id));
  }

  #takeServed(id: EndpointId, wanted: readonly KeyedBinding[]): void {
    const served = wanted.filter(([, binding]) => isServed(binding));
    const endpoint = this.#records.endpoints.get(id);
    const told = this.#refused.delete(id);
    this.#take(id, served, (binding, error) => {
      this.#refused.add(id);
      if (!told && endpoint !== undefined) this.#complain(endpoint, binding, error);
    });
    const held = this.#held.get(id);
    if (served.some(([key]) => held?.has(key))) this.#serving.add(id);
    else this.#serving.delete(id);
  }

  #takeWaiting(): void {
    for (const id of this.#closed ? [] : this.#waiting)
      this.#take(
        id,
        this.#wanted(id).filter(([, binding]) => !isServed(binding)),
        () => {},
      );
    this.#waiting.clear();
  }

  #take(id: EndpointId, wanted: readonly KeyedBinding[], onRefusal: (binding: Binding, error: unknown) => void): void {
    const held = this.#held.get(id) ?? new Map<string, HeldPort>();
    for (const [key, binding] of wanted) {
      if (held.has(key)) continue;
      try {
        held.set(key, hold(binding));
      } catch (error) {
        onRefusal(binding, error);
      }
    }
    if (held.size > 0) this.#held.set(id, held);
    else this.#held.delete(id);
  }

  #wanted(id: EndpointId): KeyedBinding[] {
    const endpoint = this.#records.endpoints.get(id);
    return endpoint === undefined ? [] : bindingsOf(endpoint).map((binding) => [keyOf(binding), binding]);
  }

  get size(): number {
    let size = 0;
    for (const held of this.#held.values()) size += held.size;
    return size;
  }

  /** Whether anything is passed on that nobody else serves. */
  get needed(): boolean {
    return this.#serving.size > 0;
  }

  close(): void {
    this.#closed = true;
    for (const held of this.#held.values()) for (const port of held.values()) port.close();
    this.#held.clear();
  }
}

/** Routed networks publish nothing on the host; and what another engine publishes that may hold itself, as Podman does. */
function bindingsOf({ ports, addresses, tunable }: Endpoint): Binding[] {
  const ips = addresses.map(({ address }) => ipOf(address));
  return ports.flatMap(({ protocol, hostAddress: address, hostPort, port, routed }) => {
    if (protocol === "sctp" || routed === true || (tunable === true && address !== "::1")) return [];
    const to = targetOf(ips, address);
    return portsOf(hostPort).map((number, index) => ({
      protocol,
      address,
      port: number,
      target: to === undefined ? undefined : { address: to, port: port.first + index },
    }));
  });
}

/** Where what comes to `[::1]` goes: the endpoint's IPv6 address, or its IPv4 one where there is no other. */
function targetOf(ips: readonly Ip[], hostAddress: Ip | undefined): Ip | undefined {
  if (hostAddress !== undefined && hostAddress !== "::" && hostAddress !== "::1") return undefined;
  return ips.find((ip) => familyOf(ip) === "ipv6") ?? (hostAddress === "::" ? undefined : ips[0]);
}

function portsOf({ first, last }: PortRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function keyOf({ protocol, address, port, target }: Binding): string {
  return `${protocol} ${address} ${port} ${target?.address} ${target?.port}`;
}
