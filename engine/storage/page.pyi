PROBLEMS: dict[int, str]
