import type { Store } from "@netkit/core";
import { Api } from "./api.ts";
import { settingsOf, type ConsulStoreOptions } from "./options.ts";
import { ConsulStore } from "./store.ts";

/**
 * A store on Consul 1.8 or newer. It connects when it is first used, and anew whenever it has to.
 * @throws NetkitError ARGUMENT_INVALID
 */
export function openConsulStore(options: ConsulStoreOptions): Store {
  const settings = settingsOf(options);
  return new ConsulStore(new Api(settings), settings.prefix);
}
