import { All, Controller, Inject, Req, Res } from "@nestjs/common";
import type { NodeRequest, NodeResponse, Sluice } from "sluice/http";
import { SLUICE } from "./tokens.ts";

/** `/stream`, `/generate`, `/callback`, `/cancel/<requestId>`, `/graph-types`, `/registry`, `/health`, `/runs/…` */
@Controller()
export class GraphController {
  readonly #sluice: Sluice;

  constructor(@Inject(SLUICE) sluice: Sluice) {
    this.#sluice = sluice;
  }

  @All("*path")
  handle(@Req() request: NodeRequest, @Res() response: NodeResponse): Promise<void> {
    return this.#sluice.handleNode(request, response);
  }
}
