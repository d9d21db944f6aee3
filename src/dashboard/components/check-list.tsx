interface CheckListProps<T extends string> {
  readonly label: string;
  readonly choices: readonly { readonly value: T; readonly label: string; readonly isDisabled?: boolean }[];
  readonly values: readonly T[];
  /** In the order of the choices. */
  readonly onValues: (values: readonly T[]) => void;
  /** What is wrong with them; null: nothing. */
  readonly fault?: string | null;
}

/** Any of a few, each with a box to tick. */
export function CheckList<T extends string>({ label, choices, values, onValues, fault = null }: CheckListProps<T>) {
  const set = (value: T, isSet: boolean) =>
    onValues(choices.map((choice) => choice.value).filter((one) => (one === value ? isSet : values.includes(one))));
  return (
    <fieldset class="checks">
      <legend>{label}</legend>
      {choices.map((choice) => (
        <label key={choice.value} class="check">
          <input
            type="checkbox"
            name={choice.value}
            checked={values.includes(choice.value)}
            disabled={choice.isDisabled === true}
            onChange={(changed) => set(choice.value, changed.currentTarget.checked)}
          />
          {choice.label}
        </label>
      ))}
      {fault === null ? null : <p class="fault">{fault}</p>}
    </fieldset>
  );
}
