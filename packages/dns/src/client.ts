import type { Names } from "./names.ts";
import type { Upstreams } from "./upstreams.ts";

/**
 * One of those who ask: a sandbox. Limits are counted for each such object. Both properties are read for each query, so
 * they may be getters or change.
 */
export interface Client {
  readonly names: Names;
  readonly upstreams: Upstreams;
}
