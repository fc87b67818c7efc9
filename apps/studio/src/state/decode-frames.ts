export { fromFrames } from "sluice/dialects";
