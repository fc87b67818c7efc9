/** What is injected by name: an interface and somebody else's class have none at run time. */
export const REDIS = Symbol("redis");
export const SLUICE = Symbol("sluice");
