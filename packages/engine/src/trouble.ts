import type { NetkitError } from "@netkit/core";
import type { Trouble } from "./api.ts";

export function troubleOf({ code, message, hint }: NetkitError): Trouble {
  return { code, message, ...(hint === undefined ? {} : { hint }) };
}
