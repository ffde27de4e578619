export default { input: "../../openapi.json", output: "hey-api" };
