export { ERROR_CODES, SluiceError, isErrorCode, isSluiceError, publicError } from "./errors.ts";
export type { ErrorCode, ErrorDetails, SluiceErrorOptions } from "./errors.ts";
