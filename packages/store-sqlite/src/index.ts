/**
 * netkit's embedded store: one SQLite file, shared by any number of processes of one host.
 *
 * @packageDocumentation
 */
export { makeDirectory } from "./make-directory.ts";
export { openSqliteStore, type SqliteStoreOptions } from "./open.ts";
