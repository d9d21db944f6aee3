/** Styles have no value: the build puts them into files of their own. */
declare module "*.css";
