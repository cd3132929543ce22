import type { IfbResource } from "@netkit/core";
import type { Kind } from "../kind.ts";
import { plainLink } from "../made-link.ts";

export const ifb: Kind<IfbResource> = plainLink("ifb");
