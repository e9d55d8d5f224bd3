"""What ftmon needs, checked fact by fact: `ftmon doctor` prints all of them, the screen shows some."""
