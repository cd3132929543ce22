import { koffi, withNamespace } from "@netkit/netlink";

/** libnftables in this process, bound to a namespace (libnftables(3)). */
export class Nftables {
  readonly #run: (script: string) => number;
  readonly #error: () => string;

  constructor(namespace: string) {
    const library = koffi().load("libnftables.so.1");
    const create = library.func("void *nft_ctx_new(uint32_t)");
    const bufferError = library.func("int nft_ctx_buffer_error(void *)");
    const error = library.func("const char *nft_ctx_get_error_buffer(void *)");
    const run = library.func("int nft_run_cmd_from_buffer(void *, const char *)");
    const context: unknown = withNamespace(namespace, () => create(0));
    bufferError(context);
    this.#run = (script) => Number(run(context, script));
    this.#error = () => String(error(context));
  }

  /** One transaction. */
  run(script: string): void {
    if (this.#run(script) !== 0) throw new Error(this.#error());
  }
}
