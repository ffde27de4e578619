export default {
  tasks: {
    input: "../../openapi.json",
    output: { target: "orval.ts", client: "fetch", baseUrl: "https://api.example.com", urlEncodeParameters: true },
  },
};
