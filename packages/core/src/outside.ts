import type { Cidr } from "./address.ts";
import type { NetworkView } from "./driver.ts";
import type { NetkitError } from "./errors.ts";
import type { OptionSet } from "./option.ts";
import type { Resource } from "./resource.ts";
import type { Store } from "./store.ts";

/** What a driver reaches beyond this host: it opens nothing by itself. */
export interface World {
  /**
   * A store by its URL, as `netkit agent --store` takes them, whose keys all begin with `prefix`. Whoever gets it closes it. In a
   * dry run what is written to it is thrown away.
   * @throws NetkitError ARGUMENT_INVALID; UNSUPPORTED where netkit was opened without a way to stores
   */
  openStore(url: string, prefix: string): Promise<Store>;
}

/** Who else is on a network: plain data of the driver's, for each under a name of printable ASCII. */
export type OutsidePeers = Readonly<Record<string, unknown>>;

/** What a network has where others decide, too. */
export interface Place {
  /** Plain data, from now on in {@link Facts.place}. */
  readonly facts: unknown;
  /** The network's subnets on this host. */
  readonly subnets: readonly Cidr[];
  readonly peers: OutsidePeers;
  /** Gives back what was taken, and nothing that was there before: the network isn't made after all. */
  undo(): Promise<void>;
}

/** For how long, and to whom, {@link Outside.follow} tells. */
export interface Audience {
  readonly signal: AbortSignal;
  /** Whether the network is on this host still: what somebody has removed isn't to be brought back. */
  isHere(): Promise<boolean>;
  /** Of what is wrong and doesn't end the following. */
  complain(error: NetkitError): void;
  /** All that is wrong by now and stays so until it is said anew: 'doctor' tells of it. What comes is complained of once. */
  suffer(errors: readonly NetkitError[]): void;
}

/**
 * Of a driver whose networks are made of what others say as well: a daemon of another kind, a store that isn't netkit's. It alone may
 * wait for somebody; its other functions see what it has found as plain data, and stay pure.
 */
export interface Outside<O extends OptionSet = OptionSet> {
  /**
   * Finds out what a new network is to be, and takes its place. Called under the lock, before anything has changed; what it throws
   * refuses the network.
   */
  join(network: Omit<NetworkView<O>, "claims" | "subnets">, world: World): Promise<Place>;
  /**
   * Holds the place, and tells who is there: all of them, each time that anybody may have come or gone, first of all at once.
   * The agent runs it, and again a while after it has thrown. It ends when the audience's signal aborts, and the place stays.
   */
  follow(network: NetworkView<O>, world: World, audience: Audience): AsyncIterable<OutsidePeers>;
  /** What this host must hold for one of them: pure, as {@link Driver.network} is. */
  peer(network: NetworkView<O>, peer: unknown): readonly Resource[];
  /** Gives up the place of a network that has been removed. */
  leave(network: NetworkView<O>, world: World): Promise<void>;
}
