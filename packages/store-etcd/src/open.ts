import type { Store } from "@netkit/core";
import { Cluster } from "./cluster.ts";
import { settingsOf, type EtcdStoreOptions } from "./options.ts";
import { EtcdStore } from "./store.ts";

/**
 * A store on etcd 3.4 or newer. It connects when it is first used, and anew whenever it has to.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function openEtcdStore(options: EtcdStoreOptions): Store {
  const settings = settingsOf(options);
  return new EtcdStore(new Cluster(settings), settings.prefix);
}
